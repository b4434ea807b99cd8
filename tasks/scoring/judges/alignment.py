"""Align transcribed with expected lyrics: the fewest edits between two sequences, and the line that each edit hits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COVERED_SHARE = 0.5
"""A line counts as sung where this share of its units is right: a listener fills in the rest."""

WORST_PENALTY = 100
"""Seconds past which it does not matter how far outside its time a line is transcribed."""

MATCH, DELETE, INSERT = 0, 1, 2
"""A step takes one unit of each (the same or not), one expected unit only, or one transcribed unit only."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that should be sung between two moments, as units: phonemes, or characters.

    ``timed`` is False where it may be sung at any time: the moments are then those of the song.
    """

    start_s: float
    end_s: float
    units: tuple[str, ...]
    timed: bool = True


@dataclass(frozen=True, slots=True)
class Unit:
    """One transcribed unit, and its approximate time."""

    at_s: float
    name: str


@dataclass(frozen=True, slots=True)
class TranscribedLine:
    """The result for one line: its edits, the number of right units, their median time, and the first and last one."""

    line: Line
    edits: int
    right: int
    time_s: float | None
    span_s: tuple[float, float] | None = None

    @property
    def error_rate(self) -> float:
        """Edits per unit; above 1 where much was added."""
        return self.edits / len(self.line.units)

    def is_covered(self, tolerance_s: float) -> bool:
        """Whether half of it or more was right, and sung no more than ``tolerance_s`` outside its time."""
        if self.time_s is None or self.right < COVERED_SHARE * len(self.line.units):
            return False
        return self.line.start_s - tolerance_s <= self.time_s <= self.line.end_s + tolerance_s


def error_rate(lines: Sequence[TranscribedLine]) -> float:
    """Substitutions, deletions and insertions per expected unit (Levenshtein over the whole song)."""
    return sum(line.edits for line in lines) / sum(len(line.line.units) for line in lines)


def aligned(lines: Sequence[Line], transcribed: Sequence[Unit]) -> tuple[TranscribedLine, ...]:
    """The result for each of ``lines`` (none of them empty); an added unit counts against the line before it."""
    owners = [number for number, line in enumerate(lines) for _ in line.units]
    expected_units = [unit for line in lines for unit in line.units]
    edits = np.zeros(len(lines), np.int64)
    times: list[list[float]] = [[] for _ in lines]
    for step, row, column in _path(lines, transcribed):
        owner = owners[min(max(row, 0), len(owners) - 1)]
        if step == MATCH and expected_units[row] == transcribed[column].name:
            times[owner].append(transcribed[column].at_s)
        else:
            edits[owner] += 1
    return tuple(
        TranscribedLine(
            line,
            int(edits[number]),
            len(line_times),
            float(np.median(line_times)) if line_times else None,
            (min(line_times), max(line_times)) if line_times else None,
        )
        for number, (line, line_times) in enumerate(zip(lines, times, strict=True))
    )


def _path(lines: Sequence[Line], transcribed: Sequence[Unit]) -> list[tuple[int, int, int]]:
    """The steps of the cheapest path, in order: the kind, and the index in each sequence that it takes or follows."""
    steps = _steps(lines, transcribed)
    row, column = (size - 1 for size in steps.shape)
    path: list[tuple[int, int, int]] = []
    while row or column:
        step = int(steps[row, column])
        path.append((step, row - 1, column - 1))
        row -= step != INSERT
        column -= step != DELETE
    return path[::-1]


def _steps(lines: Sequence[Line], transcribed: Sequence[Unit]) -> NDArray[np.uint8]:
    """For each pair of prefixes the last step of the cheapest path there, shape (expected + 1, heard + 1).

    All penalties add up to less than one edit, so the path has the fewest edits, and of those with the fewest it is the
    one that assigns transcribed units to the line of that time.
    """
    numbers = {name: number for number, name in enumerate(dict.fromkeys(unit.name for unit in transcribed))}
    names = np.array([numbers[unit.name] for unit in transcribed], np.int64)
    times_s = np.array([unit.at_s for unit in transcribed])
    edit = WORST_PENALTY * (sum(len(line.units) for line in lines) + 1)
    columns = np.arange(len(transcribed) + 1) * edit
    cost = columns.astype(np.int64)
    rows = [np.full(len(transcribed) + 1, INSERT, np.uint8)]
    for line in lines:
        penalty = _penalties(line, times_s)
        for unit in line.units:
            # The first column has nothing to take with it: more expensive than any possible path.
            cheapest_match = np.append(
                cost[:1] + 2 * edit, cost[:-1] + edit * (names != numbers.get(unit, -1)) + penalty
            )
            without_insert = np.minimum(cheapest_match, cost + edit)
            # A run of insertions from any column before: the minimum over all of them at once.
            new_cost = np.minimum.accumulate(without_insert - columns) + columns
            rows.append(
                np.where(new_cost == cheapest_match, MATCH, np.where(new_cost == cost + edit, DELETE, INSERT)).astype(
                    np.uint8
                )
            )
            cost = new_cost
    return np.stack(rows)


def _penalties(line: Line, times_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """The cost of assigning each transcribed unit to the line: the seconds outside its time, shape (heard,)."""
    outside_s = np.maximum(0.0, np.maximum(line.start_s - times_s, times_s - line.end_s))
    return np.minimum(WORST_PENALTY, np.ceil(outside_s)).astype(np.int64)
