"""The phonemes of languages other than English and Chinese, to compare two texts by their sound.

The voices are those of espeak-ng 1.52 for languages that Whisper transcribes too, the most spoken ones first (by the
list of Ethnologue, 27th edition), then European ones. Its voices for Thai, Hebrew, Burmese and Cantonese are left out:
they drop vowels or whole words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from itertools import groupby

from catalog.lyrics.languages import language_code
from tasks.phonemes.espeak import phones_by_voice
from tasks.phonemes.kana import is_kana, kana_phones

JAPANESE = "ja"

VOICES: Mapping[str, str] = {
    "es": "es", "hi": "hi", "ar": "ar", "fr": "fr-fr", "bn": "bn", "pt": "pt-br", "ru": "ru", "ur": "ur", "id": "id",
    "de": "de", "mr": "mr", "vi": "vi", "te": "te", "tr": "tr", "sw": "sw", "ta": "ta", "fa": "fa", "ko": "ko",
    "it": "it", "pl": "pl", "uk": "uk", "nl": "nl", "ro": "ro", "cs": "cs", "sv": "sv", "el": "el", "hu": "hu",
    "da": "da", "nb": "nb", "no": "nb", "fi": "fi", "ca": "ca", "bg": "bg", "hr": "hr", "sk": "sk",
}  # fmt: skip
"""The espeak-ng voice of each language; regional varieties differ less than a transcriber mishears."""

READ = frozenset({*VOICES, JAPANESE})
"""The languages, by their shortest code, whose phonemes :func:`phones_of` gives."""


def phones_of(text: str, language: str) -> tuple[str, ...]:
    """The phones of a text in one of :data:`READ`, numbers read in that language; empty where nothing is spoken.

    Japanese kana are read by their sound. A kanji has several readings and there is no dictionary here, so each one,
    like each digit and each Latin letter, stands for itself. Raises MachineError where a package is missing.
    """
    plain_text = _with_plain_digits(unicodedata.normalize("NFKC", text))
    code = language_code(language)
    if code == JAPANESE:
        return tuple(_japanese(plain_text))
    return phones_by_voice(plain_text, VOICES[code]) if any(map(_is_spoken, plain_text)) else ()


def _japanese(text: str) -> Iterable[str]:
    for is_by_sound, characters in groupby(text.casefold(), key=is_kana):
        run = "".join(characters)
        yield from kana_phones(run) if is_by_sound else filter(_is_spoken, run)


def _is_spoken(character: str) -> bool:
    return unicodedata.category(character)[0] in "LN"


def _with_plain_digits(text: str) -> str:
    """The text with the digits of every script as ASCII: not every voice reads its own."""
    return "".join(str(unicodedata.decimal(character)) if character.isdecimal() else character for character in text)
