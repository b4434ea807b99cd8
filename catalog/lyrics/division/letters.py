"""The letters of a word as its division reads them: what stands together, and whether it is a vowel."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

VOWELS = frozenset("aeiouyæœøıаеиоуыэюяєіαεηιουωაეიოუաեէըիոօ")
_EAST_ASIAN = re.compile(
    "[\u3041-\u3096\u30a1-\u30fa\u30fc\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\uac00-\ud7a3]"
)
_SOUTH_ASIAN = re.compile("[\u0900-\u0dff]")
_WITHOUT_SPACES = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff]")
_WHOLE = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_WITH_THE_NEXT = frozenset("เแโใไເແໂໃໄ")
"""Vowel signs of Thai and Lao that are written before the consonant after which they are sung."""

_SMALL_KANA = frozenset("ぁぃぅぇぉゃゅょゎァィゥェォャュョヮ")
_VIRAMA = 9
_JOINERS = frozenset("\u200c\u200d")


class Kind(Enum):
    """What a letter with its marks is to a division."""

    VOWEL = "vowel"
    CONSONANT = "consonant"
    CHARACTER = "character"
    """Chinese, Japanese or Korean: a syllable of its own."""
    INHERENT = "inherent"
    """An Indian consonant whose vowel is not written and may be mute."""
    SPELLED = "spelled"
    """An Indian letter with its vowel, or a letter of a script that writes no spaces between words."""
    WHOLE = "whole"
    """A letter of a script whose words are not cut: Arabic, Hebrew."""
    DIGIT = "digit"
    SIGN = "sign"


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter with the marks on it; ``base`` is its plain lower-case form."""

    text: str
    base: str
    kind: Kind

    @property
    def is_alphabetic(self) -> bool:
        """Whether it belongs to an alphabet of vowels and consonants."""
        return self.kind in (Kind.VOWEL, Kind.CONSONANT)


def letters_of(word: str, *, y_is_vowel: bool = True) -> tuple[Letter, ...]:
    """The letters of a word, each with its marks; their texts joined are the word."""
    vowels = VOWELS if y_is_vowel else VOWELS - {"y"}
    clusters: list[str] = []
    for character in word:
        if clusters and _belongs(clusters[-1], character):
            clusters[-1] += character
        else:
            clusters.append(character)
    bases = [_base(cluster) for cluster in clusters]
    return tuple(
        Letter(cluster, base, _kind(index, cluster, bases, vowels))
        for index, (cluster, base) in enumerate(zip(clusters, bases, strict=True))
    )


def _belongs(cluster: str, character: str) -> bool:
    """Whether a character is written on, or must not be parted from, the cluster before it."""
    if unicodedata.category(character)[0] == "M" or character in _JOINERS or character in _SMALL_KANA:
        return True
    last = cluster[-1]
    follows_virama = unicodedata.combining(last) == _VIRAMA and unicodedata.category(character)[0] == "L"
    return follows_virama or last in _WITH_THE_NEXT or last in _JOINERS


def _base(cluster: str) -> str:
    plain = unicodedata.normalize("NFD", cluster)[0].lower()
    return plain[0]


def _kind(index: int, cluster: str, bases: Sequence[str], vowels: frozenset[str]) -> Kind:
    base = bases[index]
    if base.isdigit():
        return Kind.DIGIT
    if _EAST_ASIAN.match(cluster[0]):
        return Kind.CHARACTER
    if _SOUTH_ASIAN.match(cluster[0]):
        return Kind.INHERENT if index and _is_inherent(cluster) else Kind.SPELLED
    if _WITHOUT_SPACES.match(cluster[0]):
        return Kind.SPELLED
    if _WHOLE.match(cluster[0]):
        return Kind.WHOLE
    if not base.isalpha():
        return Kind.SIGN
    return Kind.VOWEL if base in vowels and not _is_consonantal(index, bases) else Kind.CONSONANT


def _is_inherent(cluster: str) -> bool:
    names = [unicodedata.name(character, "") for character in cluster]
    return not any(" VOWEL SIGN " in name or re.search(r"LETTER [AEIOU]{1,2}(?: |$)", name) for name in names)


def _is_consonantal(index: int, bases: Sequence[str]) -> bool:
    """Whether a letter that may be a vowel is none here: the y of ``yes`` and ``beyond``, the u of ``quiet``."""
    before = bases[index - 1] if index else ""
    after = bases[index + 1] if index + 1 < len(bases) else ""
    if bases[index] == "u":
        return before == "q"
    return bases[index] == "y" and after in VOWELS and after != "" and (not before.isalpha() or before in VOWELS)
