"""Bars of written notes and rests: each value can be written, and what crosses a bar line or hides a beat is tied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tasks.notation.quantise import BAR, SIXTEENTHS, THIRDS, TICKS, WrittenNote, WrittenSheet

SIXTEENTH = TICKS // SIXTEENTHS
HALF_BAR = BAR // 2


@dataclass(frozen=True, slots=True)
class Value:
    """A written value: ``ticks`` from ``start``; ``note`` is None for a rest.

    ``is_first`` and ``is_last`` tell whether the note begins and ends here, else it is tied; ``in_thirds`` where its
    beat is a triplet.
    """

    start: int
    ticks: int
    note: WrittenNote | None = None
    is_first: bool = True
    is_last: bool = True
    in_thirds: bool = False

    @property
    def end(self) -> int:
        """The tick after it."""
        return self.start + self.ticks


@dataclass(frozen=True, slots=True)
class Measure:
    """One bar, from its first tick; 0 is the number of a pick-up."""

    number: int
    start: int
    ticks: int
    values: tuple[Value, ...]

    @property
    def end(self) -> int:
        """The tick after it."""
        return self.start + self.ticks

    @property
    def is_empty(self) -> bool:
        """Whether it is one long rest."""
        return all(value.note is None for value in self.values)


def measures(sheet: WrittenSheet) -> tuple[Measure, ...]:
    """All bars, the pick-up first where there is one (it is as long as needed, the others are whole)."""
    made: list[Measure] = []
    start = -sheet.pickup
    while start < 0:
        ticks = -start % BAR or BAR
        made.append(_measure(sheet, 0, start, ticks))
        start += ticks
    made += [_measure(sheet, number + 1, number * BAR, BAR) for number in range(sheet.bars)]
    return tuple(made)


def _measure(sheet: WrittenSheet, number: int, start: int, ticks: int) -> Measure:
    values: list[Value] = []
    end, at = start + ticks, start
    for note in sheet.notes:
        if note.end <= start or note.start >= end:
            continue
        values += _split(sheet, at, max(start, note.start), None)
        values += _split(sheet, max(start, note.start), min(end, note.end), note)
        at = min(end, note.end)
    changes = [tick for tick, _ in sheet.chords if start < tick < end]
    if at == start and ticks == BAR and not changes:
        return Measure(number, start, ticks, (Value(start, ticks),))
    values += _split(sheet, at, end, None)
    return Measure(number, start, ticks, tuple(values))


def _split(sheet: WrittenSheet, start: int, end: int, note: WrittenNote | None) -> Iterator[Value]:
    """The span from ``start`` to ``end`` as values that can be written; a rest is divided where the chord changes."""
    at = start
    while at < end:
        stop = end if note else min([end, *(tick for tick, _ in sheet.chords if at < tick)])
        ticks = _longest(sheet, at, stop, is_rest=note is None)
        yield Value(
            at,
            ticks,
            note,
            is_first=note is None or at == note.start,
            is_last=note is None or at + ticks == note.end,
            in_thirds=sheet.grids.get(at // TICKS) == THIRDS,
        )
        at += ticks


def _longest(sheet: WrittenSheet, at: int, end: int, *, is_rest: bool) -> int:
    """The ticks of the longest value from ``at`` that ends by ``end`` and shows the beats."""
    into_beat = at % TICKS
    to_beat = TICKS - into_beat
    if sheet.grids.get(at // TICKS) == THIRDS:
        return min(end - at, to_beat)
    stop = min(end, _next_divided(sheet, at, end))
    if into_beat % SIXTEENTH or stop - at < SIXTEENTH:
        return _within(into_beat, min(stop - at, to_beat), is_rest=is_rest, unit=SIXTEENTH // 2)
    if stop - at < to_beat or into_beat % (TICKS // 2):
        return _within(into_beat, min(stop - at, to_beat), is_rest=is_rest, unit=SIXTEENTH)
    return _over_beats(at % BAR, stop - at, is_rest=is_rest)


def _next_divided(sheet: WrittenSheet, at: int, end: int) -> int:
    """The start of the next beat with a grid of its own, into which no value reaches; ``end`` where there is none."""
    beats = range(at // TICKS + 1, -(-end // TICKS))
    return next((beat * TICKS for beat in beats if beat in sheet.grids), end)


def _within(into_beat: int, limit: int, *, is_rest: bool, unit: int) -> int:
    """The longest value inside one beat, dotted ones for notes only; a rest stands where its length divides."""
    for count in (8, 6, 4, 3, 2, 1):
        ticks = count * unit
        if ticks > limit or (is_rest and (count % 3 == 0 or into_beat % ticks)):
            continue
        return ticks
    return unit


def _over_beats(at: int, ticks: int, *, is_rest: bool) -> int:
    """The longest value from a beat or the eighth after it, in sixteenths: it may cross the middle of the bar only
    from the first two beats."""
    to_half = HALF_BAR - at % HALF_BAR
    for sixteenths in (16, 12, 8, 6, 4, 2):
        length = sixteenths * SIXTEENTH
        if length > ticks:
            continue
        if is_rest:
            if sixteenths in (12, 6) or at % length:
                continue
            return length
        if at % TICKS and sixteenths not in (2, 4, 6):
            continue
        crosses_half = length > to_half
        if crosses_half and not (at == 0 or (at == TICKS and sixteenths == 8)):
            continue
        return length
    return SIXTEENTH
