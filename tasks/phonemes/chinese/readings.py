"""Readings of Chinese words: by pypinyin, or by the published model's own lexicon where it is installed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from catalog.common.errors import InputError
from tasks.phonemes.chinese.bopomofo import from_pinyin
from tasks.phonemes.symbols.packages import package, version

_IDEOGRAPH = re.compile("[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Reading:
    """One word: its syllables in pinyin with tone digits (None for punctuation), and in sung bopomofo."""

    word: str
    pinyin: tuple[str, ...] | None
    syllables: tuple[str, ...]


class Readings(Protocol):
    """Reads the words of one Chinese run; ``versions`` identifies everything the result depends on."""

    @property
    def versions(self) -> Mapping[str, str]:
        """Names and versions or digests of everything that the readings depend on."""

    def of(self, words: Sequence[str], *, sentence: str) -> list[Reading]:
        """The readings of the words in order, before any change of tones; ``sentence`` begins with all of them."""


@dataclass(frozen=True, slots=True)
class PypinyinReadings:
    """Word readings from pypinyin's phrases."""

    table: Mapping[str, str]

    @property
    def versions(self) -> Mapping[str, str]:
        """The version of pypinyin."""
        return {"pypinyin": version("pypinyin")}

    def of(self, words: Sequence[str], *, sentence: str) -> list[Reading]:
        """The readings of the words; pypinyin processes each by itself."""
        return [in_bopomofo(word, pypinyin_reading(word), self.table) for word in words]


class LexiconReadings:
    """Word readings from the published lexicon, with polyphonic characters by the polyphone model.

    ``polyphones`` maps a whole sentence to the reading of each of its characters (None where the model gives none).
    """

    def __init__(
        self,
        lexicon: Mapping[str, Sequence[str]],
        *,
        table: Mapping[str, str],
        polyphonic: Set[str],
        polyphones: Callable[[str], Sequence[str | None]],
        versions: Mapping[str, str],
    ) -> None:
        self._lexicon = lexicon
        self._table = table
        self._polyphonic = polyphonic
        self._polyphones = polyphones
        self._versions = versions

    @property
    def versions(self) -> Mapping[str, str]:
        """The digests of lexicon and model, and pypinyin's version, used for syllables that the table lacks."""
        return {**self._versions, "pypinyin": version("pypinyin")}

    def of(self, words: Sequence[str], *, sentence: str) -> list[Reading]:
        """The readings of the words; the polyphone model gets the whole sentence."""
        readings = []
        position = 0
        for word in words:
            pinyin = self._pinyin(word, sentence, position) if is_chinese(word) else None
            readings.append(in_bopomofo(word, pinyin, self._table))
            position += len(word)
        return readings

    def _pinyin(self, word: str, sentence: str, position: int) -> tuple[str, ...]:
        if word in self._lexicon and word not in self._polyphonic:
            return tuple(self._lexicon[word])
        return tuple(self._character(character, sentence, position + index) for index, character in enumerate(word))

    def _character(self, character: str, sentence: str, position: int) -> str:
        """One character's syllable, or the character itself where it has no reading."""
        guess = self._polyphones(sentence)[position] if character in self._polyphonic else None
        return guess or next(iter(self._lexicon.get(character, ())), character)


def is_chinese(word: str) -> bool:
    """Whether a word contains an ideograph; the others are punctuation."""
    return bool(_IDEOGRAPH.search(word))


def pypinyin_reading(word: str) -> tuple[str, ...] | None:
    """A word's syllables such as ``hao3``, None for punctuation."""
    if not is_chinese(word):
        return None
    pypinyin = package("pypinyin")
    return tuple(pypinyin.lazy_pinyin(word, style=pypinyin.Style.TONE3, neutral_tone_with_five=True))


def load_lexicon(path: Path) -> dict[str, tuple[str, ...]]:
    """Word to syllables, from lines ``word TAB syllables separated by spaces``. Raises InputError."""
    lexicon = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            word, tab, syllables = line.rstrip("\n").partition("\t")
            if not tab and word.strip():
                raise InputError(f"{path.name} has no tab in line {number}", remedy="Pull diffrhythm-chinese again")
            lexicon[word] = tuple(syllables.split())
    return lexicon


def in_bopomofo(word: str, pinyin: tuple[str, ...] | None, table: Mapping[str, str]) -> Reading:
    """The reading in bopomofo; a word with a syllable that the table lacks is read by pypinyin's bopomofo instead.

    A character without a reading stays as it is.
    """
    if pinyin is None:
        return Reading(word, None, (word,))
    syllables = tuple(from_pinyin(syllable, table) or _itself(syllable, word) for syllable in pinyin)
    if None in syllables:
        pypinyin = package("pypinyin")
        syllables = tuple(pypinyin.lazy_pinyin(word, style=pypinyin.Style.BOPOMOFO))
    return Reading(word, pinyin, tuple(syllable for syllable in syllables if syllable is not None))


def _itself(syllable: str, word: str) -> str | None:
    return syllable if syllable in word else None
