"""Where the syllables of a line fall: stressed ones on beats and longer, a breath before the next line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.engines.guide.arrangement.score import Grid, Line

BREATH_S = 0.28
BREATH_SHARE = 0.25
"""The pause before the next line, at most this share of the line's time."""

PREFER_OFFSET_S = 0.03
EARLIEST_STEP = 0.55
CLEAR_SIXTEENTH_S = 0.12
"""Sixteenths are sung freely where they are at least this long."""

LAST_NOTE_BEATS = 0.75
LONGEST_GAP_BEATS = 2.5
SLOWEST_S, FASTEST_S = 0.62, 0.19
"""Seconds from one syllable to the next at a walking pace."""

OFF_BEAT_STRESSED, OTHER_BEAT_STRESSED = 1.8, 0.2
ON_BEAT_UNSTRESSED, ON_OTHER_BEAT_UNSTRESSED, DOWNBEAT_UNSTRESSED = 0.9, 0.5, 4.0
BETWEEN_STRESSED, BETWEEN_UNSTRESSED = 0.6, 0.25
"""Costs of places in a bar, in the units in which a length off by a factor of two costs one."""

LONG_STRESSED, LONG_UNSTRESSED = 1.6, 0.75


@dataclass(frozen=True, slots=True)
class Pace:
    """How a section's lines are declaimed.

    ``share`` is the pace from the fastest that can be sung, 0, to the slowest that the line has room for, 1;
    ``likings`` are costs of the sixteen places of a bar, ``stressed`` the places where stressed syllables stand: the
    beats, perhaps one of them anticipated.
    """

    share: float
    likings: tuple[float, ...]
    stressed: tuple[int, ...]


def onsets(line: Line, stress: Sequence[int], grid: Grid, pace: Pace) -> list[float]:
    """Beats from bar 0 of each syllable, rising; the first is the line's own time.

    Syllables stand on sixteenths where these are slow enough to tell apart, else on eighths where there are enough of
    them, evenly where the line is faster still.
    """
    count = line.syllables
    start = grid.beats(line.start_s)
    room = sung_s(line) / grid.beat_s
    if count == 1:
        return [start]
    steps = (0.25,) if 0.25 * grid.beat_s >= CLEAR_SIXTEENTH_S else (0.5, 0.25)
    for step in steps:
        slots = _slots(start, room, step, grid)
        if len(slots) >= count - 1:
            return [start, *_placed(start, slots, stress, pace, room, grid)]
    return [start + room * index / count for index in range(count)]


def sung_s(line: Line) -> float:
    """How long a line may be sung before its breath, in seconds."""
    length_s = line.end_s - line.start_s
    return length_s - min(BREATH_S, BREATH_SHARE * length_s)


def _slots(start: float, room: float, step: float, grid: Grid) -> NDArray[np.float64]:
    """The places of the grid after the first syllable, up to a last note of sufficient length."""
    first = np.ceil((start + PREFER_OFFSET_S / grid.beat_s + EARLIEST_STEP * step) / step)
    last = np.floor((start + room - min(LAST_NOTE_BEATS, 0.9 * step)) / step + 1e-6)
    return np.arange(first, last + 1) * step


def _placed(
    start: float, slots: NDArray[np.float64], stress: Sequence[int], pace: Pace, room: float, grid: Grid
) -> list[float]:
    """The cheapest rising choice of slots, by dynamic programming over syllables."""
    count = len(stress)
    slowest = min(SLOWEST_S / grid.beat_s, (room - LAST_NOTE_BEATS / 2) / (count - 0.5))
    fastest = min(FASTEST_S / grid.beat_s, room / count)
    wanted = fastest + pace.share * max(0.0, slowest - fastest)
    gaps = slots[None, :] - slots[:, None]
    costs = _place_costs(slots, stress, pace)
    total = _gap_cost(slots - start, wanted * _length(stress[0])) + costs[1]
    choices: list[NDArray[np.intp]] = []
    for index in range(2, count):
        paths = total[:, None] + _gap_cost(gaps, wanted * _length(stress[index - 1]))
        best = np.argmin(paths, axis=0)
        choices.append(best)
        total = paths[best, np.arange(len(slots))] + costs[index]
    last_room = start + room - slots
    total = total + 1.5 * np.maximum(0, wanted * _length(stress[-1]) - last_room)
    path = [int(np.argmin(total))]
    for best in reversed(choices):
        path.append(int(best[path[-1]]))
    return [float(slots[index]) for index in reversed(path)]


def _length(stress: int) -> float:
    return LONG_STRESSED if stress == 1 else 1.1 if stress else LONG_UNSTRESSED


def _gap_cost(gaps: NDArray[np.float64], wanted: float) -> NDArray[np.float64]:
    """The cost of the beats between two syllables: excluded where not rising, high where far from the wanted ones."""
    safe = np.where(gaps > 1e-9, gaps, 1.0)
    cost = 2.0 * np.log(safe / wanted) ** 2 + np.where(gaps > LONGEST_GAP_BEATS, 2.0, 0.0)
    excluded: NDArray[np.float64] = np.where(gaps > 1e-9, cost, 1e6)
    return excluded


def _place_costs(slots: NDArray[np.float64], stress: Sequence[int], pace: Pace) -> NDArray[np.float64]:
    """The cost of every slot for every syllable: (syllables, slots)."""
    places = np.arange(16)
    is_chosen, is_beat, is_between = np.isin(places, pace.stressed), places % 4 == 0, places % 2 == 1
    stressed = np.where(is_beat, OTHER_BEAT_STRESSED, OFF_BEAT_STRESSED)
    stressed = np.where(is_chosen, 0.0, stressed) + BETWEEN_STRESSED * is_between
    weak = np.where(is_beat, ON_OTHER_BEAT_UNSTRESSED, 0.0)
    weak = np.where(is_chosen, ON_BEAT_UNSTRESSED, weak) + BETWEEN_UNSTRESSED * is_between
    weak[0] = DOWNBEAT_UNSTRESSED
    by_mark = (weak, stressed, 0.5 * (stressed + weak))
    sixteenths = np.round(slots * 4).astype(int) % 16
    costs = np.stack([by_mark[mark] for mark in stress]) + np.asarray(pace.likings)
    placed: NDArray[np.float64] = costs[:, sixteenths]
    return placed
