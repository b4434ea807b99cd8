"""Chord symbols over the syllables of a line: over which one each stands, and the room that it needs there."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil

from catalog.release.listening_page.view import SyllableView

LETTER_EM, WIDE_LETTER_EM, SYMBOL_EM, GAP_EM = 0.5, 1.0, 0.52, 0.5
"""Widths in the size of the words: a letter, a Chinese, Japanese or Korean one, a character of a chord symbol, and
the least distance between two symbols."""
MOST_ROOM = 8
MOST_SPACING = 6
_HYPHENATED = ("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "GEORGIAN")
"""Scripts that join the parts of a divided word by a hyphen."""


@dataclass(frozen=True, slots=True)
class ChordStart:
    """A chord where it begins."""

    start_s: float
    symbol: str


def over_syllable(
    syllables: Sequence[SyllableView], chords: Sequence[ChordStart], end_s: float, *, beat_s: float
) -> list[SyllableView]:
    """The syllables with the chords over them, in order of time; ``end_s`` is where the last one ends.

    A chord stands over the syllable that begins with it. One that begins while a syllable is held stands over the
    next where that follows within half a beat, else over the held one; after the last syllable it stands behind the
    words.
    """
    placed = list(syllables)
    behind: list[ChordStart] = []
    for chord in chords:
        nth = _syllable_at(syllables, chord.start_s, end_s, beat_s=beat_s)
        if nth is None:
            behind.append(chord)
        else:
            joined = f"{placed[nth].chord} {chord.symbol}".strip()
            placed[nth] = replace(placed[nth], chord=joined)
    return [*placed, *(SyllableView(chord.start_s, "", " ", chord.symbol) for chord in behind)]


def _syllable_at(syllables: Sequence[SyllableView], at_s: float, end_s: float, *, beat_s: float) -> int | None:
    exact_s = beat_s / 8
    begun = sum(syllable.start_s <= at_s + exact_s for syllable in syllables) - 1
    following = begun + 1
    if begun < 0 or abs(syllables[begun].start_s - at_s) <= exact_s:
        return max(0, begun)
    if following < len(syllables):
        return following if syllables[following].start_s - at_s <= beat_s / 2 else begun
    return begun if at_s < end_s - exact_s else None


def letter_spacing(syllables: Sequence[SyllableView]) -> int:
    """The space between all letters of a line, in tenths of their size, that keeps its chords apart.

    Only for words in Chinese, Japanese or Korean letters: a gap between two of them looks like the end of a word, even
    spaces do not. 0 where the gaps between words are room enough.
    """
    needed_em = (
        lacking_em / max(1, sum(len(syllable.text) for syllable in syllables[nth:following]))
        for nth, following, lacking_em in _lacking(syllables)
        if _break_between(syllables, nth, following) is None and _is_wide(syllables[nth].text)
    )
    return min(MOST_SPACING, ceil(10 * max(needed_em, default=0.0)))


def over_words(syllables: Sequence[SyllableView], spacing: int = 0) -> list[SyllableView]:
    """The syllables with the room (in halves of the words' size) that a chord needs before the next one.

    The room is made between words, so that none is torn; within a word only where both chords stand over it, with a
    hyphen in scripts that have one. ``spacing`` is the :func:`letter_spacing` of the line.
    """
    roomy = list(syllables)
    for nth, following, lacking_em in _lacking(syllables):
        lacking_em -= spacing / 10 * sum(len(syllable.text) for syllable in syllables[nth:following])
        if lacking_em <= 0:
            continue
        between = _break_between(syllables, nth, following)
        at = nth if between is None else between
        hyphen = between is None and following < len(syllables) and _has_hyphen(syllables[nth].text)
        roomy[at] = replace(roomy[at], room=min(MOST_ROOM, roomy[at].room + ceil(lacking_em * 2)), hyphen=hyphen)
    return roomy


def _lacking(syllables: Sequence[SyllableView]) -> Iterator[tuple[int, int, float]]:
    """Each syllable with a chord that lacks room before the next chord, that chord's syllable, and the room in em."""
    with_chords = [nth for nth, syllable in enumerate(syllables) if syllable.chord]
    for nth, following in pairwise([*with_chords, len(syllables)]):
        below_em = sum(_width_em(syllable.before) for syllable in syllables[nth + 1 : following + 1])
        below_em += sum(_width_em(syllable.text) for syllable in syllables[nth:following])
        lacking_em = len(syllables[nth].chord) * SYMBOL_EM + GAP_EM - below_em
        if lacking_em > 0 and (following < len(syllables) or not syllables[nth].text):
            yield nth, following, lacking_em


def _break_between(syllables: Sequence[SyllableView], nth: int, following: int) -> int | None:
    """The last syllable from ``nth`` on that ends a word before the one that follows; None within one word."""
    ends = (at for at in range(following - 1, nth - 1, -1) if at + 1 >= len(syllables) or syllables[at + 1].before)
    return next(ends, None)


def _has_hyphen(text: str) -> bool:
    letter = next((character for character in reversed(text) if character.isalpha()), " ")
    return unicodedata.name(letter, "").startswith(_HYPHENATED)


def _is_wide(text: str) -> bool:
    return any(unicodedata.east_asian_width(letter) in "WF" for letter in text)


def _width_em(text: str) -> float:
    """The rough width of a text in the size of its letters."""
    return sum(WIDE_LETTER_EM if unicodedata.east_asian_width(letter) in "WF" else LETTER_EM for letter in text)
