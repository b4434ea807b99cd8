"""The words of a line on its notes."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.lyrics.division.lines import divide_line
from catalog.lyrics.syllables import count_syllables


def split_words(text: str, count: int, language: str = "en", known_shares: Sequence[int] = ()) -> list[str]:
    """The words of a line as ``count`` syllables for its notes, those of one word marked by hyphens.

    A note on which a syllable goes on has a hyphen alone. ``known_shares`` are the notes of each word where its phones
    are known.
    """
    syllables = divide_line(text, count, language, tuple(known_shares))
    return [syllable.hyphenated or ("-" if text.strip() else "") for syllable in syllables]


def shares_of(words: Sequence[str], count: int, language: str) -> list[int]:
    """The number of notes for each word: its syllables where they add up, else more for words with more letters."""
    shares = [max(1, count_syllables(word, language)) for word in words]
    if sum(shares) == count:
        return shares
    shares = [1] * len(words)
    for _ in range(count - len(words)):
        longest_index = max(range(len(words)), key=lambda index: len(words[index]) / shares[index])
        shares[longest_index] += 1
    return shares
