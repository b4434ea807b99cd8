"""Mandarin syllables in bopomofo, with a tone mark at their end, and the phones they stand for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from catalog.common.errors import InputError
from tasks.phonemes.symbols.punctuation import split_phones

RISING, DIPPING, FALLING, NEUTRAL = "ˊ", "ˇ", "ˋ", "˙"
TONE_MARKS = {"1": "", "2": RISING, "3": DIPPING, "4": FALLING, "0": NEUTRAL, "5": NEUTRAL}

_PINYIN = re.compile(r"([a-zü]+)([0-5])")
_UNMARKED = re.compile(r"([\u3105-\u3129])$")
_PHONES = (
    ("ㄅㄛ", "p⁼wo"), ("ㄆㄛ", "pʰwo"), ("ㄇㄛ", "mwo"), ("ㄈㄛ", "fwo"), ("ㄧㄢ", "|jɛn"), ("ㄩㄢ", "|ɥæn"),
    ("ㄧㄣ", "|in"), ("ㄩㄣ", "|ɥn"), ("ㄧㄥ", "|iŋ"), ("ㄨㄥ", "|ʊŋ"), ("ㄩㄥ", "|jʊŋ"), ("ㄧㄚ", "|ia"),
    ("ㄧㄝ", "|iɛ"), ("ㄧㄠ", "|iɑʊ"), ("ㄧㄡ", "|ioʊ"), ("ㄧㄤ", "|iɑŋ"), ("ㄨㄚ", "|ua"), ("ㄨㄛ", "|uo"),
    ("ㄨㄞ", "|uaɪ"), ("ㄨㄟ", "|ueɪ"), ("ㄨㄢ", "|uan"), ("ㄨㄣ", "|uən"), ("ㄨㄤ", "|uɑŋ"), ("ㄩㄝ", "|ɥɛ"),
    ("ㄅ", "p⁼"), ("ㄆ", "pʰ"), ("ㄇ", "m"), ("ㄈ", "f"), ("ㄉ", "t⁼"), ("ㄊ", "tʰ"), ("ㄋ", "n"), ("ㄌ", "l"),
    ("ㄍ", "k⁼"), ("ㄎ", "kʰ"), ("ㄏ", "x"), ("ㄐ", "tʃ⁼"), ("ㄑ", "tʃʰ"), ("ㄒ", "ʃ"), ("ㄓ", "ts`⁼"),
    ("ㄔ", "ts`ʰ"), ("ㄕ", "s`"), ("ㄖ", "ɹ`"), ("ㄗ", "ts⁼"), ("ㄘ", "tsʰ"), ("ㄙ", "|s"), ("ㄚ", "|a"),
    ("ㄛ", "|o"), ("ㄜ", "|ə"), ("ㄝ", "|ɛ"), ("ㄞ", "|aɪ"), ("ㄟ", "|eɪ"), ("ㄠ", "|ɑʊ"), ("ㄡ", "|oʊ"),
    ("ㄢ", "|an"), ("ㄣ", "|ən"), ("ㄤ", "|ɑŋ"), ("ㄥ", "|əŋ"), ("ㄦ", "əɹ"), ("ㄧ", "|i"), ("ㄨ", "|u"), ("ㄩ", "|ɥ"),
    ("ˉ", "→|"), ("ˊ", "↑|"), ("ˇ", "↓↑|"), ("ˋ", "↓|"), ("˙", "|"),
)  # fmt: skip
"""Longest groups first; the bar separates initial and final."""
_SYLLABIC = re.compile(r"((?:[sɹ]`|ts`?|s)[⁼ʰ]?)(?=[→↓↑]|$)")
"""A sibilant or retroflex initial without a vowel, before its tone or at the end of the text."""


def load_syllables(path: Path) -> dict[str, str]:
    """Pinyin without tone to bopomofo, from lines of two columns separated by a tab. Raises InputError."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not rows or any(len(row) != 2 for row in rows):
        raise InputError(f"{path.name} is no table of syllables", remedy="Pull diffrhythm-data again")
    return {pinyin.strip(): bopomofo.strip() for pinyin, bopomofo in rows}


def from_pinyin(syllable: str, table: Mapping[str, str]) -> str | None:
    """A syllable such as ``hao3`` in bopomofo; None where the table does not have it."""
    match = _PINYIN.fullmatch(syllable)
    if match is None or match[1] not in table:
        return None
    return table[match[1]] + TONE_MARKS[match[2]]


def with_tone(syllable: str, mark: str) -> str:
    """The syllable in another tone; an empty mark is the first tone."""
    return syllable.rstrip("ˉˊˇˋ˙") + mark


def marked(syllable: str) -> str:
    """The syllable with an explicit mark of the first tone where it has none."""
    return _UNMARKED.sub(r"\1ˉ", syllable)


def phones_of(words: Sequence[Sequence[str]]) -> list[str]:
    """The phones of a text, given word by word as marked syllables and punctuation."""
    text = "|".join("|".join(word) for word in words)
    for bopomofo, phones in _PHONES:
        text = text.replace(bopomofo, phones)
    return split_phones(_SYLLABIC.sub(r"\1ɹ", text))
