"""The languages of the judges of lyrics: those that Whisper transcribes, and those with rules for phonemes.

Light, so that ``validate`` and ``plan`` can say what a song's language means for its scores.
"""

from __future__ import annotations

from catalog.lyrics.languages import language_code
from tasks.phonemes.languages import READ as SPOKEN

__all__ = ["ENGINE_RULES", "RULES_REVISION", "SPOKEN", "TRANSCRIBED", "has_own_rules", "transcribed_as"]

ENGINE_RULES = frozenset({"en", "zh"})
"""Languages that the engine's own rules read."""

RULES_REVISION = 2
"""Revision of the judges' readings in all other languages; English and Chinese have the judges' own revision only."""

_CODES = """
af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id is it
ja jv ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my nb ne nl nn no oc pa pl ps pt ro ru sa sd si sk sl
sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh
"""

TRANSCRIBED = frozenset(_CODES.split())
"""The languages of Whisper large-v3 (the table of languages in its tokenizer), by their shortest ISO 639 code."""

_OWN_CODES = {"jv": "jw", "nb": "no"}
"""Whisper's codes where they differ from ISO 639, or where it has one for two written forms."""


def transcribed_as(language: str) -> str:
    """Whisper's code of a language that is given by its shortest code."""
    return _OWN_CODES.get(language, language)


def has_own_rules(tag: str) -> bool:
    """Whether lyrics in the language of a tag are read by the engine's own rules, under the codes that always were."""
    primary = tag.lower().replace("_", "-").partition("-")[0]
    return primary in {*ENGINE_RULES, "cmn"} and language_code(tag) in ENGINE_RULES
