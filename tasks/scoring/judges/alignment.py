"""What was heard against what should be: the cheapest edits between two sequences, and which line each of them hits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HEARD_SHARE = 0.5
"""A line is heard where this share of its units is: the ear fills in the rest."""

WORST_PENALTY = 100
"""Seconds past which it does not matter how far outside its time a line is heard."""

MATCH, DELETE, INSERT = 0, 1, 2
"""A step takes one unit of each (the same or not), one of the expected only, or one of the heard only."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that should be sung between two moments, as units: phonemes, or characters."""

    start_s: float
    end_s: float
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit that was heard, and about when."""

    at_s: float
    name: str


@dataclass(frozen=True, slots=True)
class TranscribedLine:
    """What became of one line: its edits, how many units were right, and when those were heard, at the median."""

    line: Line
    edits: int
    right: int
    heard_s: float | None

    @property
    def error_rate(self) -> float:
        """Edits per unit; above 1 where much was added."""
        return self.edits / len(self.line.units)

    def is_covered(self, tolerance_s: float) -> bool:
        """Whether half of it or more was right, and heard no more than ``tolerance_s`` outside its time."""
        if self.heard_s is None or self.right < HEARD_SHARE * len(self.line.units):
            return False
        return self.line.start_s - tolerance_s <= self.heard_s <= self.line.end_s + tolerance_s


def error_rate(lines: Sequence[TranscribedLine]) -> float:
    """Substitutions, deletions and insertions per expected unit (Levenshtein over the whole song)."""
    return sum(line.edits for line in lines) / sum(len(line.line.units) for line in lines)


def aligned(lines: Sequence[Line], heard: Sequence[Unit]) -> tuple[TranscribedLine, ...]:
    """Each of ``lines`` (none of them empty) as it was heard; what was added counts against the line before it."""
    owners = [number for number, line in enumerate(lines) for _ in line.units]
    expected = [unit for line in lines for unit in line.units]
    edits = np.zeros(len(lines), np.int64)
    times: list[list[float]] = [[] for _ in lines]
    for step, row, column in _path(lines, heard):
        owner = owners[min(max(row, 0), len(owners) - 1)]
        if step == MATCH and expected[row] == heard[column].name:
            times[owner].append(heard[column].at_s)
        else:
            edits[owner] += 1
    return tuple(
        TranscribedLine(line, int(edits[number]), len(found), float(np.median(found)) if found else None)
        for number, (line, found) in enumerate(zip(lines, times, strict=True))
    )


def _path(lines: Sequence[Line], heard: Sequence[Unit]) -> list[tuple[int, int, int]]:
    """The steps of the cheapest way, in order: which, and the index in each sequence that it takes or follows."""
    steps = _steps(lines, heard)
    row, column = (size - 1 for size in steps.shape)
    path: list[tuple[int, int, int]] = []
    while row or column:
        step = int(steps[row, column])
        path.append((step, row - 1, column - 1))
        row -= step != INSERT
        column -= step != DELETE
    return path[::-1]


def _steps(lines: Sequence[Line], heard: Sequence[Unit]) -> NDArray[np.uint8]:
    """For each pair of prefixes the last step of the cheapest way there.

    All penalties together are less than one edit, so the way has the fewest edits, and of those with the fewest it is
    the one that takes what was heard for the line of that time.
    """
    numbers = {name: number for number, name in enumerate(dict.fromkeys(unit.name for unit in heard))}
    names = np.array([numbers[unit.name] for unit in heard], np.int64)
    times_s = np.array([unit.at_s for unit in heard])
    edit = WORST_PENALTY * (sum(len(line.units) for line in lines) + 1)
    columns = np.arange(len(heard) + 1) * edit
    cost = columns.astype(np.int64)
    rows = [np.full(len(heard) + 1, INSERT, np.uint8)]
    for line in lines:
        penalty = _penalties(line, times_s)
        for unit in line.units:
            # The first column has nothing to take with it: dearer than any way there is.
            both = np.append(cost[:1] + 2 * edit, cost[:-1] + edit * (names != numbers.get(unit, -1)) + penalty)
            without_insert = np.minimum(both, cost + edit)
            # A run of insertions from any column before: the minimum over all of them at once.
            new = np.minimum.accumulate(without_insert - columns) + columns
            rows.append(np.where(new == both, MATCH, np.where(new == cost + edit, DELETE, INSERT)).astype(np.uint8))
            cost = new
    return np.stack(rows)


def _penalties(line: Line, times_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """What it costs to take each heard unit for one of the line: by the seconds outside the line's time."""
    outside_s = np.maximum(0.0, np.maximum(line.start_s - times_s, times_s - line.end_s))
    return np.minimum(WORST_PENALTY, np.ceil(outside_s)).astype(np.int64)
