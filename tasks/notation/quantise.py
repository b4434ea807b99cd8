"""Places the notes of a lead sheet, which have times in seconds, on a grid of bars and note values.

Every beat has a grid of its own: sixteenths, else thirds (triplets) or thirty-seconds where they fit better. Swung
eighths are written straight, as musicians read them, and the sheet says that it swings.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from catalog.notation.lead_sheet import FormSpan, LeadSheet, MelodyNote
from catalog.notation.section_names import section_names

TICKS = 24
"""Ticks of a quarter note: a sixteenth has 6, an eighth of a triplet 8, a thirty-second 3."""

BEATS = 4
BAR = BEATS * TICKS
SIXTEENTHS, THIRDS, THIRTY_SECONDS = 4, 3, 8

_PENALTY = {SIXTEENTHS: 0.0, THIRDS: 0.12, THIRTY_SECONDS: 0.3}
"""How much nearer (in beats, summed over a beat's notes) a finer grid must be before it is taken."""

_ALONE_IN_THIRDS = 0.5
"""More of it for thirds with one note, which may be an accident."""

_EARLY_BEATS = 0.125
_LEAST_PICKUP_BEATS = 0.5
_FILLED_BEATS = 0.26
"""A rest up to this long between two notes is the singer's articulation and is not written."""

_SWUNG_FROM, _SWUNG_TO = 0.56, 0.72
_AROUND = 0.04
_FIRST_THIRD = 0.29
"""Notes from here on show whether beats swing: in triplets they stand on both thirds."""

_FEWEST_SWUNG, _SHARE_SWUNG = 6, 0.6


@dataclass(frozen=True, slots=True)
class WrittenNote:
    """A note of the melody in ticks after bar 1's first beat; those of a pick-up are below 0."""

    start: int
    end: int
    note: MelodyNote


@dataclass(frozen=True, slots=True)
class WrittenSheet:
    """A lead sheet in ticks: ``pickup`` ticks before ``bars`` whole bars. ``grids`` are the beats (by number) that are
    divided otherwise than into sixteenths."""

    pickup: int
    bars: int
    notes: tuple[WrittenNote, ...]
    chords: tuple[tuple[int, str], ...]
    sections: tuple[tuple[int, str], ...]
    is_swung: bool = False
    grids: dict[int, int] = field(default_factory=dict)


def written(sheet: LeadSheet, names: Sequence[str] = ()) -> WrittenSheet:
    """The lead sheet on its grid; every note of the melody is there, in its order, none overlapping the next.

    ``names`` are those of its sections; left out, they are named by their kinds.
    """
    beats = [(note.start_s - sheet.first_bar_s) / sheet.beat_s for note in sheet.melody]
    swing = _swing(beats)
    places = [_straight(beat, swing) if swing else beat for beat in beats]
    starts, grids = _starts(places)
    notes = tuple(_notes(sheet, starts, grids))
    pickup = _pickup(sheet, starts)
    chords = _changes([(_tick(sheet, chord.start_s, pickup), chord.symbol) for chord in sheet.chords], -pickup)
    labelled = zip(sheet.sections, names or section_names(sheet), strict=True)
    sections = _changes([(_bar_line(sheet, span), label) for span, label in labelled], -pickup)
    last = max([note.end for note in notes] + [tick + 1 for tick, _ in (*chords, *sections)], default=1)
    return WrittenSheet(pickup, max(1, -(-last // BAR)), notes, chords, sections, swing is not None, grids)


def _swing(beats: Sequence[float]) -> float | None:
    """Where in a beat its second eighth stands, where most notes between beats stand late at one place; else None."""
    late = [beat % 1 for beat in beats if _SWUNG_FROM - _AROUND <= beat % 1 <= _SWUNG_TO]
    between = [beat % 1 for beat in beats if _FIRST_THIRD <= beat % 1 <= _SWUNG_TO]
    if len(late) < _FEWEST_SWUNG:
        return None
    centre, _ = Counter(round(place, 2) for place in late).most_common(1)[0]
    around = [place for place in late if abs(place - centre) <= _AROUND]
    is_swung = len(around) >= _SHARE_SWUNG * len(between) and len(around) >= _FEWEST_SWUNG
    place = sum(around) / len(around)
    return place if is_swung and _SWUNG_FROM <= place <= _SWUNG_TO else None


def _straight(beat: float, second: float) -> float:
    """A swung place as it is written; one that is on the grid already stays."""
    whole, place = math.floor(beat), beat % 1
    moved = place / second / 2 if place < second else 0.5 + (place - second) / (1 - second) / 2
    nearest = min(moved, place, key=lambda value: abs(value * SIXTEENTHS - round(value * SIXTEENTHS)))
    return whole + nearest


def _starts(places: Sequence[float]) -> tuple[list[int], dict[int, int]]:
    """The tick of each note's start, rising, and the grids of the beats that are not in sixteenths."""
    starts: list[int] = []
    grids: dict[int, int] = {}
    carried: list[float] = []
    by_beat = {beat: list(run) for beat, run in groupby(places, key=lambda place: math.floor(place + _EARLY_BEATS))}
    queue = sorted(by_beat)
    beat = queue[0] if queue else 0
    while carried or (queue and beat <= queue[-1]):
        here = [*carried, *(place - beat for place in by_beat.get(beat, ()))]
        here, carried = here[:THIRTY_SECONDS], [0.0] * len(here[THIRTY_SECONDS:])
        parts, slots = _best_grid(here) if here else (SIXTEENTHS, [])
        if parts != SIXTEENTHS:
            grids[beat] = parts
        starts += [beat * TICKS + slot * TICKS // parts for slot in slots]
        beat = beat + 1 if carried or not queue else next((later for later in queue if later > beat), beat + 1)
    return starts, grids


def _best_grid(places: Sequence[float]) -> tuple[int, list[int]]:
    """The number of parts of a beat that fits the notes in it, and the part of each note."""
    found: list[tuple[float, int, list[int]]] = []
    for parts, penalty in _PENALTY.items():
        if len(places) > parts:
            continue
        slots = _slots(places, parts)
        error = sum(abs(slot / parts - place) for slot, place in zip(slots, places, strict=True))
        alone = _ALONE_IN_THIRDS if parts == THIRDS and len(places) == 1 else 0.0
        found.append((error + penalty + alone, parts, slots))
    _, parts, slots = min(found)
    return parts, slots


def _slots(places: Sequence[float], parts: int) -> list[int]:
    """The nearest part for each note, each later than the one before."""
    slots: list[int] = []
    for place in places:
        nearest = math.floor(place * parts + 0.5)
        slots.append(max(nearest, slots[-1] + 1 if slots else 0))
    last = parts - 1
    for index in range(len(slots) - 1, -1, -1):
        slots[index] = min(slots[index], last)
        last = slots[index] - 1
    return slots


def _notes(sheet: LeadSheet, starts: Sequence[int], grids: dict[int, int]) -> list[WrittenNote]:
    notes = []
    for index, (note, start) in enumerate(zip(sheet.melody, starts, strict=True)):
        following = starts[index + 1] if index + 1 < len(starts) else None
        sung = (note.end_s - note.start_s) / sheet.beat_s
        end = _on_grid(start + sung * TICKS, start, grids)
        if following is not None and following - end <= _FILLED_BEATS * TICKS:
            end = following
        elif end // TICKS not in grids:
            end = _to_eighth(end, following)
        notes.append(WrittenNote(start, end, note))
    return notes


def _to_eighth(end: int, following: int | None) -> int:
    """The end of a phrase: an odd sixteenth later where there is room, since no singer counts the rest after it."""
    eighth = TICKS // 2
    later = -(-end // eighth) * eighth
    has_room = following is None or later <= following
    return later if later - end == TICKS // SIXTEENTHS and has_room else end


def _on_grid(tick: float, start: int, grids: dict[int, int]) -> int:
    """The nearest place after ``start`` on the grid of its beat, where a note may end."""
    beat = math.floor(tick / TICKS)
    step = TICKS // grids.get(beat, SIXTEENTHS)
    nearest = beat * TICKS + round((tick - beat * TICKS) / step) * step
    own_beat = start // TICKS
    own_step = TICKS // grids.get(own_beat, SIXTEENTHS)
    return max(nearest, start + own_step)


def _pickup(sheet: LeadSheet, starts: Sequence[int]) -> int:
    """The ticks before the first whole bar: whole beats, as many as the time there has, and all that is sung there."""
    beats = max(0.0, sheet.first_bar_s / sheet.beat_s)
    whole = min(BEATS, max(1, round(beats))) if beats >= _LEAST_PICKUP_BEATS else 0
    sung = -(min(starts, default=0) // TICKS)
    return max(whole, sung) * TICKS


def _tick(sheet: LeadSheet, time_s: float, pickup: int) -> int:
    """The nearest eighth; the beginning of the pick-up for what begins with the song."""
    if pickup and time_s < sheet.beat_s / 2:
        return -pickup
    return round((time_s - sheet.first_bar_s) / sheet.beat_s * 2) * TICKS // 2


def _bar_line(sheet: LeadSheet, span: FormSpan) -> int:
    """The bar line at which a section begins; the beginning of the pick-up for the first."""
    bars = (span.start_s - sheet.first_bar_s) / sheet.beat_s / BEATS
    return round(bars) * BAR if bars > -0.1 else -BAR


def _changes(spans: Sequence[tuple[int, str]], first: int) -> tuple[tuple[int, str], ...]:
    """One entry for each tick, none before ``first``; the last of those that fall together."""
    by_tick = {max(first, tick): text for tick, text in spans}
    return tuple(sorted(by_tick.items()))
