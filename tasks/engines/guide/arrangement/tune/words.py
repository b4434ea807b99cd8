"""The words of a line on its notes."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.lyrics.division.lines import divide_line


def split_words(text: str, count: int, language: str = "en", known_shares: Sequence[int] = ()) -> list[str]:
    """The words of a line as ``count`` syllables for its notes, those of one word marked by hyphens.

    A note on which a syllable goes on has a hyphen alone. ``known_shares`` are the notes of each word where its phones
    are known.
    """
    syllables = divide_line(text, count, language, tuple(known_shares))
    return [syllable.hyphenated or ("-" if text.strip() else "") for syllable in syllables]
