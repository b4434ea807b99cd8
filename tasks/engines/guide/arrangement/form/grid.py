"""The grid of bars that fits a song's lines, and the lines' available times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.engines.guide.arrangement.score import Grid, Line

Row = tuple[int, str, int]
"""A line in the recipe: start in milliseconds, words, syllables."""

SHORTEST_LINE_S = 0.05
FINAL_RING_S = 2.7
"""The last chord rings at least this long where the song's length allows."""

LONGEST_LINE_BARS = 2
LONGEST_LINE_S = 7.5
"""A line is sung in one breath."""

TEMPOS_TRIED = 33


def tempos_of(lowest_bpm: float, highest_bpm: float, preferred: float) -> list[float]:
    """Whole tempos between two bounds, those nearest to ``preferred`` (0 to 1 of the range) first."""
    step = max(1.0, (highest_bpm - lowest_bpm) / (TEMPOS_TRIED - 1))
    tempos = np.unique(np.round(np.arange(lowest_bpm, highest_bpm + step / 2, step)))
    centre = lowest_bpm + preferred * (highest_bpm - lowest_bpm)
    return [float(bpm) for bpm in sorted(tempos, key=lambda bpm: (abs(bpm - centre), bpm))]


def fit_grid(starts_s: Sequence[float], tempos_bpm: Sequence[float]) -> Grid:
    """The grid, among ``tempos_bpm``, whose bars, beats and eighths are closest to the lines' starts."""
    if not starts_s:
        return Grid(tempos_bpm[0], 0.0)
    starts = np.asarray(starts_s)
    best_fit: tuple[float, Grid] | None = None
    for bpm in tempos_bpm:
        beat_s = 60 / bpm
        origins = np.arange(192) / 192 * 4 * beat_s
        beats = (starts[None, :] - origins[:, None]) / beat_s
        score = sum(
            weight * np.exp(-(((beats / unit - np.round(beats / unit)) * unit * beat_s / 0.04) ** 2)).sum(axis=1)
            for unit, weight in ((4.0, 1.0), (1.0, 1.0), (0.5, 0.5))
        )
        # Ties go to the earliest origin and to the tempo named first.
        index = int(np.argmax(np.round(score, 6)))
        if best_fit is None or score[index] > best_fit[0] + 1e-6:
            best_fit = (float(score[index]), Grid(float(bpm), float(origins[index])))
    return best_fit[1] if best_fit else Grid(tempos_bpm[0], 0.0)


def lines_of(
    rows: Sequence[Row],
    stresses: Sequence[Sequence[int]],
    length_s: float,
    grid: Grid,
    *,
    word_syllables: Sequence[tuple[int, ...]] = (),
) -> tuple[Line | None, ...]:
    """The recipe's rows as lines, each with its available time; None for a row that is not sung.

    A row without syllables is a rest that ends the line before it. ``word_syllables`` are those of each row's words
    where their phones are known.
    """
    starts_s = [start_ms / 1000 for start_ms, _, _ in rows]
    ends_s = [*starts_s[1:], length_s][: len(rows)]
    room_s = min(LONGEST_LINE_BARS * grid.bar_s, LONGEST_LINE_S)
    return tuple(
        Line(
            start_s,
            min(following_s, start_s + room_s, length_s),
            text,
            syllables,
            tuple(stress),
            row,
            word_syllables[row] if word_syllables else (),
        )
        if syllables > 0 and start_s < length_s - SHORTEST_LINE_S
        else None
        for row, (start_s, following_s, (_, text, syllables), stress) in enumerate(
            zip(starts_s, ends_s, rows, stresses, strict=True)
        )
    )


def first_bar(grid: Grid) -> int:
    """-1 where a part of a bar precedes bar 0, else 0."""
    return -1 if grid.origin_s > 0.01 else 0


def final_bar(grid: Grid, length_s: float) -> int:
    """The bar whose first beat has the last chord."""
    ring_s = min(FINAL_RING_S, length_s / 2)
    return max(first_bar(grid), int(np.floor((length_s - ring_s - grid.origin_s) / grid.bar_s)))
