"""Chord symbols over the syllables of a line: over which one each stands, and the room that it needs there."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil

from catalog.release.listening_page.view import SyllableView

LETTER_EM, WIDE_LETTER_EM, SYMBOL_EM, GAP_EM = 0.5, 1.0, 0.52, 0.5
"""Widths in the size of the words: a letter, a Chinese, Japanese or Korean one, a character of a chord symbol, and
the least distance between two symbols."""
MOST_ROOM = 8


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


def over_words(syllables: Sequence[SyllableView]) -> list[SyllableView]:
    """The syllables with the room (in halves of the words' size) that a chord needs before the next one."""
    with_chords = [nth for nth, syllable in enumerate(syllables) if syllable.chord]
    roomy = list(syllables)
    for nth, following in pairwise([*with_chords, len(syllables)]):
        chord = syllables[nth].chord
        below_em = sum(_width_em(syllable.before) for syllable in syllables[nth + 1 : following + 1])
        below_em += sum(_width_em(syllable.text) for syllable in syllables[nth:following])
        lacking_em = len(chord) * SYMBOL_EM + GAP_EM - below_em
        if lacking_em > 0 and (following < len(syllables) or not syllables[nth].text):
            roomy[nth] = replace(roomy[nth], room=min(MOST_ROOM, ceil(lacking_em * 2)))
    return roomy


def _width_em(text: str) -> float:
    """The rough width of a text in the size of its letters."""
    return sum(WIDE_LETTER_EM if unicodedata.east_asian_width(letter) in "WF" else LETTER_EM for letter in text)
