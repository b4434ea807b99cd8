"""Estimates the number of syllables of a line: precise enough to place melody notes and to check a singing rate."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from catalog.lyrics.languages import language_code
from catalog.lyrics.spelling import (
    INDIC_WORD,
    VOWEL_POINTS,
    indic_syllables,
    joins_the_next,
    pointed_syllables,
    spelled_syllables,
)

if TYPE_CHECKING:
    from pyphen import Pyphen

_WORD = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)*")
_POINTED_WORD = re.compile(rf"[^\W_](?:[^\W_]|{VOWEL_POINTS.pattern})*(?:['’][^\W\d_]+)*")
_ENGLISH_GROUP = re.compile(r"[aeiouy]+")
_VOWEL_GROUP = re.compile(r"[aeiouyæœøıаеиоуыэюяєіїαεηιουω]+")
_ONE_PER_CHARACTER = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\uac00-\ud7a3]")
_LETTERS = re.compile(rf"(?:(?!{_ONE_PER_CHARACTER.pattern})[^\W\d_]|['’])+")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc]")
_SMALL_KANA = frozenset("ぁぃぅぇぉゃゅょゎァィゥェォャュョヮ")
WORDS_KEPT = 50_000
_LETTERS_PER_SYLLABLE = 2.5
"""For scripts that do not write vowels as separate letters."""

_ENGLISH_KNOWN = {
    "aisle": 1, "area": 3, "argue": 2, "aren't": 1, "business": 2, "chaos": 2, "create": 2, "created": 3, "cruel": 2,
    "diamond": 2, "drawer": 1, "evening": 2, "every": 2, "everybody": 4, "everyone": 3, "everything": 3,
    "everywhere": 3, "forever": 3, "ideal": 3, "isle": 1, "naive": 2, "neon": 2, "patio": 3, "poem": 2, "poet": 2,
    "queue": 1, "reality": 4, "ratio": 3, "really": 2, "reliable": 4, "science": 2, "theater": 3, "theatre": 3,
    "weren't": 1, "whatever": 3,
}  # fmt: skip
_ENGLISH_COMPOUND = re.compile(r"(some|home|life|fire|time|side|base|love|lone|face|safe|fore|wire|white)([a-z]{3,})")
_SILENT = tuple(
    re.compile(pattern)
    for pattern in (
        r"[^aeiouy]e$(?<![^aeiouylr]le)",  # late, while; not table
        r"[^aeiouy]es$(?<![sxzcg]es)(?<!ches)(?<!shes)(?<![^aeiouylr]les)",  # moves; not boxes, tables
        r"[^aeiouytd]ed$(?<![^aeiouylr]led)",  # walked; not wanted, handled
        r"[^aeiouyl]e(?:ly|ty|ful|less|ness|ment)$",  # safely, careless; not element
        r"[gq]ue$",  # tongue
    )
)
_APART = re.compile(
    r"[aeouiy]ing|(?:(?<![tcsgln])|^[gl])i[ao](?!ge|u)|io(?=us)(?<![tcg]io)|eo(?<!geo)(?=n$|u)|d(?:eo|eas?$)|eum"
    r"|quiet|uel|uou|uu|[ao]yer|(?:th|s)m$"
)
"""Adjacent vowels that are sung separately (play-ing, ra-di-o, mu-se-um), and the unwritten vowel of rhy-thm."""


def count_syllables(text: str, language: str = "en", *, former: bool = False) -> int:
    """Syllables in a line of lyrics, 0 where it has no word.

    English uses spelling rules and a table of exceptions, Chinese and Korean count characters, Japanese counts morae;
    other languages use their own rules of spelling (:mod:`catalog.lyrics.spelling`) where there are some, then pyphen's
    hyphenation patterns, otherwise groups of vowels. Arabic and Hebrew without points, Thai and other scripts that
    leave vowels out are estimated from their letters. A digit counts as one. ``former`` counts as before there were
    rules of spelling.
    """
    text = unicodedata.normalize("NFC", text)
    if former:
        return sum(_former_syllables(word, language) for word in _WORD.findall(text))
    indic_words = INDIC_WORD.findall(text)
    words = _words(text) if not indic_words else _words(INDIC_WORD.sub(" ", text))
    code = language_code(language)
    sung_words = [word for word in words if not joins_the_next(word, code)] or words[:1]
    return sum(map(indic_syllables, indic_words)) + sum(word_syllables(word, language) for word in sung_words)


def _words(text: str) -> list[str]:
    """The words of a text, with the points of Arabic, which count, and without those of Hebrew."""
    return [match[0] for match in _POINTED_WORD.finditer(text)]


@lru_cache(maxsize=WORDS_KEPT)
def word_syllables(word: str, language: str = "en") -> int:
    """Syllables in one word, at least 1."""
    plain_word = VOWEL_POINTS.sub("", word)
    count = pointed_syllables(word)
    if not count and _LETTERS.fullmatch(plain_word):
        count = spelled_syllables(plain_word.lower(), language_code(language)) or 0
    return count or _former_syllables(plain_word, language)


@lru_cache(maxsize=WORDS_KEPT)
def _former_syllables(word: str, language: str) -> int:
    """Syllables in one word by hyphenation, groups of vowels or letters, at least 1."""
    character_count = len(_ONE_PER_CHARACTER.findall(word)) + _moras(word)
    digits = sum(character.isdigit() for character in word)
    rest = _KANA.sub("", _ONE_PER_CHARACTER.sub("", word))
    letters = "".join(character for character in rest if not character.isdigit()).lower().replace("’", "'")
    return max(1, character_count + digits + (_letter_syllables(letters, language) if letters else 0))


def _moras(word: str) -> int:
    return sum(character not in _SMALL_KANA for character in _KANA.findall(word))


def _letter_syllables(word: str, language: str) -> int:
    primary = language.lower().partition("-")[0]
    if primary == "en" and word.isascii():
        return _english(word)
    if hyphenator := _hyphenator(language):
        return len(hyphenator.positions(word)) + 1
    base_letters = "".join(
        character for character in unicodedata.normalize("NFD", word) if not unicodedata.combining(character)
    )
    groups = len(_VOWEL_GROUP.findall(base_letters))
    return groups or max(1, round(len(base_letters) / _LETTERS_PER_SYLLABLE))


@cache
def _hyphenator(language: str) -> Pyphen | None:
    """Hyphenation patterns of a language that allow a break after the first letter; None where there are none."""
    from pyphen import Pyphen, language_fallback  # imported here: English never needs its dictionaries

    name = language_fallback(language.replace("-", "_"))
    return Pyphen(lang=name, left=1, right=1) if name and not name.startswith("en") else None


def _english(word: str) -> int:
    if known_count := _ENGLISH_KNOWN.get(word) or _ENGLISH_KNOWN.get(word.removesuffix("s")):
        return known_count
    if compound := _ENGLISH_COMPOUND.fullmatch(word):
        return _english(compound[1]) + _english(compound[2])
    stem, _, ending = word.partition("'")
    has_silent_vowel = any(pattern.search(stem) for pattern in _SILENT)
    count = len(_ENGLISH_GROUP.findall(stem)) + len(_APART.findall(stem)) - has_silent_vowel
    return max(1, count) + _spoken_ending(stem, ending)


def _spoken_ending(stem: str, ending: str) -> int:
    """Whether the part after an apostrophe is a syllable, as in Max's, church's, didn't and it'll."""
    hiss = ending == "s" and re.search(r"(?:[sxz]|ch|sh|ce|ge)$", stem)
    negation = ending == "t" and re.search(r"[dst]n$", stem)
    return 1 if hiss or negation or (ending == "ll" and stem.endswith("t")) else 0
