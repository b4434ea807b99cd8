"""Lines of bars: four of them, fewer where the words need the room, and a new one where a section begins."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from tasks.notation.measures import Measure, Value
from tasks.notation.quantise import WrittenSheet

BARS_A_LINE = 4
FEWEST_BARS = 2
"""A section begins in the middle of a line where its line would otherwise be left with fewer bars."""

WIDEST = 94.0
"""Room of a line of A4 beside clef and key, in narrow letters."""

_NOTE, _GAP = 3.2, 1.2
"""The least room of a note, and that between two syllables."""

_CHORD_GAP = 3.0
"""That between two chord symbols, which are larger than the words."""


def line_starts(bars: Sequence[Measure], sheet: WrittenSheet) -> frozenset[int]:
    """The numbers of the bars that begin a line, but for the first."""
    sections = {tick for tick, _ in sheet.sections}
    starts: set[int] = set()
    count, used = 0, 0.0
    for bar in bars:
        chords = (_letters(symbol) + _CHORD_GAP for tick, symbol in sheet.chords if bar.start <= tick < bar.end)
        width = max(sum(map(_width, bar.values)), sum(chords))
        is_full = count == BARS_A_LINE or (count > 0 and used + width > WIDEST)
        if is_full or (bar.start in sections and count >= FEWEST_BARS):
            starts.add(bar.number)
            count, used = 0, 0.0
        count, used = count + (bar.number > 0), used + width
    return frozenset(starts - {0})


def _width(value: Value) -> float:
    if value.note is None or not value.is_first:
        return _NOTE
    return max(_NOTE, _letters(value.note.note.text) + _GAP)


def _letters(text: str) -> float:
    """The width of a text in narrow letters; East Asian characters take two."""
    return sum(2.0 if unicodedata.east_asian_width(character) in "WF" else 1.0 for character in text)
