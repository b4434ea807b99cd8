"""The language that the letters of a text point to, where its script is that of few languages."""

from __future__ import annotations

import re
from collections import Counter

from catalog.lyrics.languages import language_code

_SCRIPTS = {
    "han": re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"),
    "kana": re.compile("[\u3041-\u30ff]"),
    "hangul": re.compile("[\u1100-\u11ff\uac00-\ud7a3]"),
    "cyrillic": re.compile("[\u0400-\u052f]"),
    "greek": re.compile("[\u0370-\u03ff]"),
    "arabic": re.compile("[\u0600-\u06ff]"),
    "hebrew": re.compile("[\u05d0-\u05ea]"),
    "devanagari": re.compile("[\u0900-\u097f]"),
    "thai": re.compile("[\u0e01-\u0e3a]"),
    "georgian": re.compile("[\u10a0-\u10ff]"),
    "armenian": re.compile("[\u0531-\u0587]"),
}
_USUAL = {
    "han": "zh", "kana": "ja", "hangul": "ko", "cyrillic": "ru", "greek": "el", "arabic": "ar", "hebrew": "he",
    "devanagari": "hi", "thai": "th", "georgian": "ka", "armenian": "hy",
}  # fmt: skip
"""The language with most songs in each script."""

_WRITTEN_IN = {
    "han": frozenset(("zh", "ja", "yue", "wuu", "nan", "hak", "ko", "vi", "za")),
    "kana": frozenset(("ja", "ain", "ryu")),
    "hangul": frozenset(("ko",)),
    "greek": frozenset(("el",)),
    "hebrew": frozenset(("he", "yi")),
    "thai": frozenset(("th",)),
    "georgian": frozenset(("ka",)),
    "armenian": frozenset(("hy",)),
}
_LATIN_FIRST = frozenset(
    ("en", "de", "fr", "es", "it", "pt", "nl", "sv", "no", "nb", "nn", "da", "fi", "is", "pl", "cs", "sk", "hu", "ro",
     "tr", "hr", "sl", "et", "lv", "lt", "id", "ms", "sw", "ca", "eu", "gl", "ga", "cy")
)  # fmt: skip
"""Languages that are sung from Latin letters alone."""

LEAST_SHARE = 0.5


def language_of_script(text: str) -> str | None:
    """The usual language of the script that most letters of a text have; None for Latin letters and where none has
    half of them."""
    script = _script(text)
    return _USUAL[script] if script else None


def is_foreign(text: str, language: str) -> bool:
    """Whether most letters of a text are of a script that the language is not written in."""
    script = _script(text)
    if script is None:
        return False
    code = language_code(language)
    return code in _LATIN_FIRST or code not in _WRITTEN_IN.get(script, frozenset((code,)))


def _script(text: str) -> str | None:
    letters = sum(character.isalpha() for character in text)
    counts = Counter({name: len(pattern.findall(text)) for name, pattern in _SCRIPTS.items()})
    if counts["kana"]:  # kanji among kana are Japanese
        counts["kana"] += counts.pop("han")
    name, count = counts.most_common(1)[0]
    return name if count and count >= LEAST_SHARE * letters else None
