"""Divides the words of a line into the pieces that are written under its notes: one for each syllable that is sung.

The number of syllables is given, by what is sung; this module finds where the word is cut for it. Pieces joined give
the line back, with its punctuation. Hyphenation patterns decide where their number agrees, else the cheapest division
by rules of spelling (:mod:`catalog.lyrics.division.cuts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from catalog.lyrics.division.cuts import WRITTEN_APART, cut_word
from catalog.lyrics.languages import language_code
from catalog.lyrics.spelling import joins_the_next
from catalog.lyrics.syllables import count_syllables

LINES_KEPT = 4096


@dataclass(frozen=True, slots=True)
class Syllable:
    """The text under one note; ``joined`` where the next one belongs to the same word.

    ``text`` is "" where a word has more syllables than can be written: the note continues the piece before it, which
    is the last of its word.
    """

    text: str
    joined: bool = False

    @property
    def hyphenated(self) -> str:
        """The text with a hyphen where the word goes on, as scores write it; none in scripts without hyphens."""
        return f"{self.text}-" if self.takes_hyphen else self.text

    @property
    def takes_hyphen(self) -> bool:
        """Whether a hyphen belongs between this piece and the next one of its word."""
        return self.joined and not WRITTEN_APART.fullmatch(self.text[-1])


@lru_cache(maxsize=LINES_KEPT)
def divide_line(text: str, count: int, language: str = "en", word_counts: tuple[int, ...] = ()) -> tuple[Syllable, ...]:
    """A line as exactly ``count`` pieces; joined words and single spaces between them give the line back.

    ``word_counts`` are the syllables of each word that has a letter or digit, where they are known. A word that has
    none of its own (``v`` in Czech) stands before the first piece of the next.
    """
    words = words_of(text)
    if count < 1 or not words:
        return tuple(Syllable(" ".join(words) if index == 0 else "") for index in range(count))
    known = len(word_counts) == len(words) and sum(word_counts) == count and min(word_counts) >= 0
    shares = list(word_counts) if known else shares_of(words, count, language)
    syllables: list[Syllable] = []
    waiting = ""
    for word, share in zip(words, shares, strict=True):
        if not share:
            waiting += f"{word} "
            continue
        first, *others = cut_word(word, share, language)
        pieces = [waiting + first, *others]
        written = sum(map(bool, pieces))
        syllables += [Syllable(piece, index + 1 < written) for index, piece in enumerate(pieces)]
        waiting = ""
    if waiting:
        last = _last_written(syllables)
        syllables[last] = Syllable(f"{syllables[last].text} {waiting.strip()}", syllables[last].joined)
    return tuple(syllables)


def _last_written(syllables: Sequence[Syllable]) -> int:
    """The last piece with text: what is added at the end of a line stands behind it."""
    return max((index for index, syllable in enumerate(syllables) if syllable.text), default=len(syllables) - 1)


def words_of(text: str) -> list[str]:
    """The words of a line; what has no letter or digit (a dash, a note sign) stays with the word before it."""
    words: list[str] = []
    waiting = ""
    for token in text.split():
        if any(map(str.isalnum, token)):
            words.append(waiting + token)
            waiting = ""
        elif words:
            words[-1] += f" {token}"
        else:
            waiting += f"{token} "
    return words or ([waiting.strip()] if waiting else [])


def shares_of(words: Sequence[str], count: int, language: str) -> list[int]:
    """The syllables of each word, by spelling, made to add up to ``count``: long words take more, short ones fewer."""
    code = language_code(language)
    shares = [0 if joins_the_next(word, code) else max(1, count_syllables(word, language)) for word in words]
    while sum(shares) > count:
        index = max(range(len(words)), key=lambda index: (shares[index], -len(words[index])))
        if shares[index] == 1:
            index = min((i for i, share in enumerate(shares) if share), key=lambda index: len(words[index]))
        shares[index] -= 1
    while sum(shares) < count:
        index = max(range(len(words)), key=lambda index: len(words[index]) / (shares[index] + 1))
        shares[index] += 1
    return shares
