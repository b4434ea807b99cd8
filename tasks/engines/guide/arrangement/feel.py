"""Timing and strength of strokes: swing and small variations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from numpy.random import Generator

from tasks.engines.guide.arrangement.score import Grid

SIXTEENTHS = 16
STROKE = {"X": 112, "x": 92, "o": 60, "r": 84, "t": 84}


@dataclass(frozen=True, slots=True)
class Feel:
    """Off-beat swing (0 straight, 1 triplets), whether it applies to sixteenths, and random variation."""

    grid: Grid
    swing: float
    sixteenths: bool
    rng: Generator

    def time_s(self, bar: int, sixteenth: float, *, loose_s: float = 0.004) -> float:
        """The time of a sixteenth of a bar, with random variation; bars' first beats stay exact."""
        time = self.grid.time_s(bar, self.swung(sixteenth / 4))
        return time if sixteenth == 0 else time + float(self.rng.uniform(-loose_s, loose_s))

    def swung(self, beats: float) -> float:
        """Where the swing puts a position in beats."""
        unit = 0.25 if self.sixteenths else 0.5
        into_pair = beats % (2 * unit)
        delay = self.swing * unit / 3
        if into_pair <= unit:
            return beats + delay * into_pair / unit
        return beats + delay * (2 * unit - into_pair) / unit

    def velocity(self, base: float) -> int:
        """``base`` with random variation."""
        return int(min(127, max(1, round(base + float(self.rng.normal(0, 3.5))))))


def strokes(figure: str, bar_index: int) -> Iterator[tuple[float, str, float]]:
    """The strokes of one bar of a figure of one or two bars: sixteenth, sign, and strength from 0 to 1."""
    bar = figure[SIXTEENTHS * (bar_index % (len(figure) // SIXTEENTHS)) :][:SIXTEENTHS]
    for step, sign in enumerate(bar):
        if sign == ".":
            continue
        repeats, span = {"r": (2, 1.0), "t": (3, 2.0)}.get(sign, (1, 1.0))
        for index in range(repeats):
            yield step + index * span / repeats, sign, 1.0 - 0.12 * (index % 2)
