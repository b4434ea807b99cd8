"""The words of a line on its notes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from catalog.lyrics.syllables import count_syllables


def split_words(text: str, count: int, language: str = "en", known_shares: Sequence[int] = ()) -> list[str]:
    """The words of a line distributed to ``count`` notes: a long word spans several, marked by a hyphen.

    ``known_shares`` are the notes of each word where its phones are known.
    """
    words = text.split()
    if not words:
        return [""] * count
    is_known = len(known_shares) == len(words) and sum(known_shares) == count and all(known_shares)
    if len(words) >= count and not is_known:
        return [*words[: count - 1], " ".join(words[count - 1 :])]
    shares = known_shares if is_known else shares_of(words, count, language)
    note_words: list[str] = []
    for word, share in zip(words, shares, strict=True):
        cuts = [round(index * len(word) / share) for index in range(share + 1)]
        pieces = [word[start:end] for start, end in pairwise(cuts)]
        note_words.extend(piece + "-" for piece in pieces[:-1])
        note_words.append(pieces[-1])
    return note_words


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
