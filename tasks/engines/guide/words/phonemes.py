"""Lines of lyrics to phones: what a syllable is comes from the phones, not from the spelling.

English is given in the phones of the voice bank (those of the CMU dictionary and ``ax``), other languages in IPA as
espeak-ng names them. A written line keeps words apart and marks its vowels: ``dh .ax|l ˈae s t|b ˈah s``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from catalog.lyrics.syllables import count_syllables
from tasks.engines.guide.words.espeak import espeak_phones

PAUSE = "pau"
STRESS_MARKS = {".": 0, "ˈ": 1, "ˌ": 2}
VOWELS = frozenset(["aa", "ae", "ah", "ao", "aw", "ax", "ay", "eh", "er", "ey", "ih", "iy", "ow", "oy", "uh", "uw"])
DIPHTHONGS = frozenset(["aw", "ay", "ey", "ow", "oy"])
MONOPHTHONGS = VOWELS - DIPHTHONGS
LINES_KEPT = 4096

_IPA_VOWELS = frozenset("aeiouyæøœɐɑɒɔəɘɛɜɞɤɨɪɯɵɶʉʊʌʏᵻɚɝ")
_SYLLABIC = "\u0329"
_MARKS = "".join(STRESS_MARKS)
_TONES = "0123456789-"
"""Espeak-ng's numbers of tones and its sign of a linked sound: a melody has no tones."""

_LANGUAGE_SWITCH = re.compile(r"\([a-z-]+\)")
_ENGLISH: dict[str, str] = {
    "aɪɚ": "ay er", "aɪə": "ay ax", "aʊɚ": "aw er", "aʊə": "aw ax", "iə": "iy ax",
    "aɪ": "ay", "aʊ": "aw", "eɪ": "ey", "oʊ": "ow", "əʊ": "ow", "ɔɪ": "oy", "dʒ": "jh", "tʃ": "ch",
    "ɑː": "aa", "ɔː": "ao", "oː": "ao", "iː": "iy", "uː": "uw", "ɜː": "er", "ɛː": "eh", "aː": "aa", "eː": "ey",
    "n̩": "ax n", "m̩": "ax m", "l̩": "ax l",
    "æ": "ae", "ʌ": "ah", "ɑ": "aa", "ɔ": "ao", "i": "iy", "u": "uw", "ɪ": "ih", "ᵻ": "ih", "ʊ": "uh", "ə": "ax",
    "ɐ": "ax", "ɛ": "eh", "e": "eh", "a": "ae", "o": "ow", "ɒ": "aa", "ɚ": "er", "ɜ": "er", "y": "iy", "ø": "er",
    "œ": "eh", "b": "b", "d": "d", "ɾ": "d", "f": "f", "ɡ": "g", "h": "hh", "k": "k", "x": "k", "l": "l", "ɬ": "l",
    "m": "m", "n": "n", "ŋ": "ng", "ɲ": "n", "p": "p", "ɹ": "r", "r": "r", "ʁ": "r", "s": "s", "ʃ": "sh", "t": "t",
    "ʔ": "t", "θ": "th", "ð": "dh", "v": "v", "w": "w", "ʍ": "w", "j": "y", "z": "z", "ʒ": "zh", "ç": "hh", "χ": "hh",
    "ɣ": "g", "β": "v", "ʂ": "sh", "ɕ": "sh",
}  # fmt: skip
"""From espeak-ng's phones of American English, and those of foreign words in it, to the bank's."""

_LONGEST_KEY = max(map(len, _ENGLISH))
_MERGED: dict[tuple[str, str], tuple[str, ...]] = {
    ("ay", "er"): ("ay", "r"), ("aw", "er"): ("aw", "r"), ("ay", "ax"): ("ay",), ("aw", "ax"): ("aw",),
    ("iy", "ax"): ("iy",), ("ey", "er"): ("ey", "r"), ("ow", "er"): ("ow", "r"), ("oy", "ax"): ("oy",),
}  # fmt: skip
"""Two vowels sung on one note where the spelling counts one syllable: fire, hour, real."""


@dataclass(frozen=True, slots=True)
class Phone:
    """One phone: its symbol, the stress of a vowel (0 none, 1 primary, 2 secondary; None: not one), its word's index.

    A syllabic consonant counts as a vowel.
    """

    symbol: str
    stress: int | None = None
    word: int = 0

    @property
    def is_nucleus(self) -> bool:
        """Whether it carries a syllable."""
        return self.stress is not None

    @property
    def is_diphthong(self) -> bool:
        """Whether it is a vowel that moves to another one."""
        return (
            self.symbol not in MONOPHTHONGS
            and self.is_nucleus
            and (self.symbol in DIPHTHONGS or sum(map(_IPA_VOWELS.__contains__, self.symbol)) > 1)
        )


def is_english(language: str) -> bool:
    """Whether a language tag is English, which the voice bank sings."""
    return language.lower().replace("_", "-").partition("-")[0] == "en"


@lru_cache(maxsize=LINES_KEPT)
def line_phones(text: str, language: str, *, english: bool) -> tuple[Phone, ...]:
    """The phones of a line, those of the bank where it is ``english``; empty where nothing of it can be read."""
    words = words_of(text)
    spoken = [_phones_of(word) for word in _groups(text, language)]
    spoken = [phones for phones in spoken if phones]
    if len(spoken) != len(words):
        spoken = _aligned(spoken, words, language)
    if not english:
        return tuple(_with_word(phones, index) for index, word in enumerate(spoken) for phones in word)
    found: list[Phone] = []
    for index, (phones, word) in enumerate(zip(spoken, words, strict=True)):
        found += [_with_word(phone, index) for phone in _english_word(phones, word)]
    return tuple(found)


def words_of(text: str) -> list[str]:
    """The words of a line as they are written, with their marks; what holds no letter or digit is none."""
    return [word for word in unicodedata.normalize("NFC", text).split() if any(map(str.isalnum, word))]


def written(phones: Sequence[Phone]) -> str:
    """A line as a recipe keeps it."""
    marks: dict[int | None, str] = {stress: mark for mark, stress in STRESS_MARKS.items()}
    words: dict[int, list[str]] = {}
    for phone in phones:
        words.setdefault(phone.word, []).append(marks.get(phone.stress, "") + phone.symbol)
    return "|".join(" ".join(words.get(index, ())) for index in range(max(words, default=-1) + 1))


def read(line: str) -> tuple[Phone, ...]:
    """The phones of a line that :func:`written` wrote."""
    return tuple(
        Phone(marked.lstrip(_MARKS), STRESS_MARKS.get(marked[0]), index)
        for index, word in enumerate(line.split("|"))
        for marked in word.split()
    )


def syllables_of_words(line: str) -> tuple[int, ...]:
    """The syllables of each word of a line that :func:`written` wrote."""
    phones = read(line)
    words = line.count("|") + 1 if line else 0
    return tuple(sum(phone.is_nucleus and phone.word == word for phone in phones) for word in range(words))


def nuclei(phones: Sequence[Phone]) -> int:
    """The number of syllables."""
    return sum(phone.is_nucleus for phone in phones)


def _with_word(phone: Phone, word: int) -> Phone:
    return replace(phone, word=word)


def espeak_phone(marked: str) -> Phone:
    """A phone as espeak-ng names it, its mark of stress before it."""
    symbol = marked.lstrip(_MARKS).rstrip(_TONES)
    plain = unicodedata.normalize("NFD", symbol)
    is_vowel = _SYLLABIC in plain or any(character in _IPA_VOWELS for character in plain[:2])
    return Phone(symbol, STRESS_MARKS.get(marked[0], 0) if is_vowel else None)


def _groups(text: str, language: str) -> list[str]:
    return _LANGUAGE_SWITCH.sub("", espeak_phones(text, language)).split()


def _phones_of(group: str) -> list[Phone]:
    return [espeak_phone(marked) for marked in group.split("_") if marked.strip(_MARKS + _TONES)]


def _aligned(spoken: Sequence[Sequence[Phone]], words: Sequence[str], language: str) -> list[list[Phone]]:
    """The phones of a line cut at its written words where espeak-ng joined or split some (``of the``, ``99``).

    Each word is read alone too; the boundaries are those of the cheapest alignment of both readings.
    """
    line = [phone for phones in spoken for phone in phones]
    alone = [[phone for group in _groups(word, language) for phone in _phones_of(group)] for word in words]
    owners = [index for index, phones in enumerate(alone) for _ in phones]
    symbols = [phone.symbol for phones in alone for phone in phones]
    cut: list[list[Phone]] = [[] for _ in words]
    if owners:
        for phone, place in zip(line, nearest_places([phone.symbol for phone in line], symbols), strict=True):
            cut[owners[place]].append(phone)
    return cut


def nearest_places(found: Sequence[str], expected: Sequence[str]) -> list[int]:
    """For each of ``found`` the index in ``expected`` that it stands for, never falling: edit distance."""
    width = len(expected) + 1
    costs = [list(range(width))]
    for row, symbol in enumerate(found, 1):
        last, current = costs[-1], [row]
        for column in range(1, width):
            change = 0 if symbol == expected[column - 1] else 1
            current.append(min(last[column - 1] + change, last[column] + 1, current[-1] + 1))
        costs.append(current)
    places, column = [], width - 1
    for row in range(len(found), 0, -1):
        change = 0 if column and found[row - 1] == expected[column - 1] else 1
        while column > 1 and costs[row][column] == costs[row][column - 1] + 1:
            column -= 1
            change = 0 if found[row - 1] == expected[column - 1] else 1
        places.append(max(0, column - 1))
        if column > 1 and costs[row][column] == costs[row - 1][column - 1] + change:
            column -= 1
    return places[::-1]


def _english_word(phones: Sequence[Phone], word: str) -> list[Phone]:
    """A word in the bank's phones: one nucleus at least, and no more than its spelling where two vowels may join."""
    found = [converted for phone in phones for converted in _english(phone)]
    if found and not nuclei(found):
        found.insert(len(found) - 1, Phone("ax", 0))
    surplus = nuclei(found) - count_syllables(word, "en")
    index = 0
    while surplus > 0 and index + 1 < len(found):
        joined = _MERGED.get((found[index].symbol, found[index + 1].symbol))
        if joined:
            found[index : index + 2] = [
                Phone(symbol, None if at else found[index].stress) for at, symbol in enumerate(joined)
            ]
            surplus -= 1
        index += 1
    return found


def _english(phone: Phone) -> Iterator[Phone]:
    rest = phone.symbol
    while rest:
        key = next((rest[:size] for size in range(_LONGEST_KEY, 0, -1) if rest[:size] in _ENGLISH), "")
        rest = rest[max(1, len(key)) :]
        for symbol in _ENGLISH.get(key, "").split():
            yield Phone(symbol, (phone.stress or 0) if symbol in VOWELS else None)
