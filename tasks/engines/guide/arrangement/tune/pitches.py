"""The pitches of a line: the cheapest path along a contour, in the harmony, with stressed syllables higher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from tasks.engines.guide.arrangement.harmony import Harmony
from tasks.engines.guide.genres.chords import ChordTones

LARGEST_LEAP = 9
PEAK_PULL = 6.0
TRITONE = 6
STRESS_RISE, WEAK_FALL = 1.2, 1.0
"""Semitones by which a stressed syllable aims above a contour, an unstressed one below."""

ANTICIPATION_BEATS = 0.2
"""A note this little before a bar line belongs to the chord that follows."""

PHRASE_RANGE = 12
HELD_NOTES, FURTHEST_END = 5, 7
"""A line of fewer notes keeps its end; another end is no further from the old one, in semitones."""

_EXCLUDED = 60.0
FAR_FROM_HOME = 0.3
"""The cost of notes other than the first and the fifth of the key, which make it plain."""


@dataclass(frozen=True, slots=True)
class Brief:
    """What one line's pitches aim at.

    ``beats`` are its syllables' places from bar 0, ``targets`` the pitches of its contour, ``pull`` the cost of a
    semitone's distance from them. ``peak`` is the highest pitch and the syllable that has it, where the line is the
    hook. ``tastes`` are small random costs that tell one seed's tune from another's.
    """

    beats: Sequence[float]
    stress: Sequence[int]
    targets: Sequence[float]
    low: int
    high: int
    previous: int | None
    ends_phrase: bool
    repeat_cost: float
    tastes: NDArray[np.float64]
    pull: float = 0.3
    peak: tuple[int, int] | None = None


def pitches_of(brief: Brief, harmony: Harmony) -> list[int]:
    """One pitch a syllable, by dynamic programming."""
    candidates = np.arange(brief.low, brief.high + 1)
    leaps = np.abs(candidates[:, None] - candidates[None, :])
    choices: list[NDArray[np.intp]] = []
    total = _first_cost(candidates, brief.previous)
    for index in range(len(brief.beats)):
        cost = _note_cost(candidates, index, brief, harmony)
        if index == 0:
            total = total + cost
            continue
        paths = total[:, None] + _step_cost(candidates, leaps, brief, index)
        best = np.argmin(paths, axis=0)
        choices.append(best)
        total = paths[best, np.arange(len(candidates))] + cost
    path = [int(np.argmin(total))]
    for best in reversed(choices):
        path.append(int(best[path[-1]]))
    return [int(candidates[index]) for index in reversed(path)]


def _first_cost(candidates: NDArray[np.int_], previous: int | None) -> NDArray[np.float64]:
    if previous is None:
        return np.zeros(len(candidates))
    leap = np.abs(candidates - previous)
    cost: NDArray[np.float64] = 0.05 * leap + 6.0 * np.maximum(0, leap - LARGEST_LEAP)
    return cost


def _step_cost(candidates: NDArray[np.int_], leaps: NDArray[np.int_], brief: Brief, index: int) -> NDArray[np.float64]:
    """The cost of going from each pitch to each other: leaps, tritones, and steps against the stress."""
    size = leaps.astype(float)
    cost = 0.16 * np.maximum(size - 2, 0) ** 1.5 + np.where(leaps == 0, brief.repeat_cost, 0.0)
    cost += np.where(leaps == TRITONE, 3.0, 0.0) + np.where(leaps > LARGEST_LEAP, _EXCLUDED, 0.0)
    before, after = brief.stress[index - 1], brief.stress[index]
    rise = candidates[None, :] - candidates[:, None]
    if after == 1 and before != 1:
        cost += np.where(rise <= 0, 0.55, 0.0) + np.where(rise < 0, 0.35, 0.0)
    elif before == 1 and after != 1:
        cost += np.where(rise > 0, 0.6, 0.0)
    result: NDArray[np.float64] = cost
    return result


def _note_cost(candidates: NDArray[np.int_], index: int, brief: Brief, harmony: Harmony) -> NDArray[np.float64]:
    mark = brief.stress[index]
    target = brief.targets[index] + (STRESS_RISE if mark == 1 else 0.0 if mark else -WEAK_FALL)
    cost: NDArray[np.float64] = brief.pull * np.abs(candidates - target)
    cost += 0.5 * brief.tastes[(candidates * 7 + index * 3) % len(brief.tastes)]
    if brief.peak is not None and index == brief.peak[1]:
        cost += PEAK_PULL * np.abs(candidates - brief.peak[0])
    is_last = index + 1 == len(brief.beats)
    return cost + _tonal_cost(
        candidates, brief.beats[index], harmony, is_last=is_last, is_end=is_last and brief.ends_phrase
    )


def chord_at(harmony: Harmony, beats: float) -> ChordTones:
    """The chord under a note that starts ``beats`` after bar 0."""
    return harmony.at_beats(beats + ANTICIPATION_BEATS)


def _tonal_cost(
    candidates: NDArray[np.int_], beats: float, harmony: Harmony, *, is_last: bool, is_end: bool
) -> NDArray[np.float64]:
    """The cost of pitches: outside the scale excluded, outside the chord high on strong beats and at a line's end."""
    chord = chord_at(harmony, beats)
    scale = harmony.scale_over(chord)
    place = beats + ANTICIPATION_BEATS
    outside_cost = 6.0 if is_last else 2.2 if place % 2 < 0.4 else 1.1 if place % 1 < 0.4 else 0.25
    costs = np.full(12, _EXCLUDED)
    costs[list(scale)] = outside_cost
    costs[list(chord.pitch_classes)] = 0.0
    costs += [
        0.0 if pitch_class in (harmony.tonic, (harmony.tonic + 7) % 12) else FAR_FROM_HOME for pitch_class in range(12)
    ]
    if is_end:
        resting = {chord.root, harmony.tonic}
        costs += [0.0 if pitch_class in resting else 1.5 for pitch_class in range(12)]
    result: NDArray[np.float64] = costs[candidates % 12]
    return result


def refitted(
    pitches: Sequence[int], beats: Sequence[float], harmony: Harmony, *, low: int, high: int, stays: bool = False
) -> list[int]:
    """A tune that is sung again, perhaps over other chords: moved as a whole along the scale where that fits better
    and it need not stay, its contour unchanged."""
    scale = sorted(pitch for pitch in range(low - 12, high + 13) if pitch % 12 in harmony.scale)
    moves = [_moved(pitches, scale, steps) for steps in ((0,) if stays else (0, 1, -1, 2, -2))]
    within = [moved for moved in moves if low <= min(moved) and max(moved) <= high] or [list(pitches)]
    best = min(within, key=lambda moved: _clash(moved, beats, harmony) + 1.2 * (moved != list(pitches)))
    return _altered(best, beats, harmony, low=min(low, *best), high=max(high, *best))


def _moved(pitches: Sequence[int], scale: Sequence[int], steps: int) -> list[int]:
    """The pitches ``steps`` degrees higher; those outside the scale move with the nearest degree below them."""
    moved = []
    for pitch in pitches:
        index = max(place for place, degree in enumerate(scale) if degree <= pitch)
        moved.append(scale[min(len(scale) - 1, max(0, index + steps))] + (pitch - scale[index]))
    return moved if _signs(moved) == _signs(pitches) else list(pitches)


def _clash(pitches: Sequence[int], beats: Sequence[float], harmony: Harmony) -> float:
    cost = 0.0
    for index, (pitch, place) in enumerate(zip(pitches, beats, strict=True)):
        candidates = np.array([pitch])
        cost += float(_tonal_cost(candidates, place, harmony, is_last=index + 1 == len(beats), is_end=False)[0])
    return cost


def _altered(pitches: list[int], beats: Sequence[float], harmony: Harmony, *, low: int, high: int) -> list[int]:
    """Notes outside their chord's scale moved by a semitone into it, where the contour stays what it is."""
    altered = list(pitches)
    for index, place in enumerate(beats):
        scale = harmony.scale_over(chord_at(harmony, place))
        if altered[index] % 12 in scale:
            continue
        for step in (1, -1):
            attempt = [*altered[:index], altered[index] + step, *altered[index + 1 :]]
            is_within = low <= attempt[index] <= high
            if is_within and attempt[index] % 12 in scale and _signs(attempt) == _signs(pitches):
                altered = attempt
                break
    return altered


def other_end(
    pitches: Sequence[int], beats: Sequence[float], harmony: Harmony, *, low: int, high: int
) -> tuple[int, ...]:
    """The pitches with other last two, of the same contour and closer to home; as they are where there are none."""
    if len(pitches) < HELD_NOTES:
        return tuple(pitches)
    head, old = list(pitches[:-2]), tuple(pitches[-2:])
    reach = range(max(low, min(old) - FURTHEST_END), min(high, max(old) + FURTHEST_END) + 1)
    found: list[tuple[float, tuple[int, ...]]] = []
    for end in product(reach, reach):
        attempt = (*head, *end)
        leaps = [abs(after - before) for before, after in pairwise(attempt[-3:])]
        if end[1] == old[1] or TRITONE in leaps or max(leaps) > FURTHEST_END or _signs(attempt) != _signs(pitches):
            continue
        if max(attempt) - min(attempt) > PHRASE_RANGE:
            continue
        away = 0.0 if end[1] % 12 == harmony.tonic else 1.0
        found.append((_clash(attempt, beats, harmony) + away + 0.1 * sum(leaps), attempt))
    best = min(found, default=(_EXCLUDED, tuple(pitches)))
    return best[1] if best[0] < _EXCLUDED else tuple(pitches)


def _signs(pitches: Sequence[int]) -> list[int]:
    return [int(np.sign(after - before)) for before, after in pairwise(pitches)]
