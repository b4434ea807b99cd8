"""Whether the first candidate is ahead by more than chance: a bootstrap over the windows of the metrics.

A song is measured in windows of ten seconds, and other windows would give other means. So the windows are resampled
with replacement (Efron, "Bootstrap methods", Annals of Statistics 7, 1979), at the same positions for all candidates,
each reading is shifted by the change of its windows' mean, and the candidates are ranked again. Where the first is
not ahead in nine of ten such draws, its margin is within the spread over the windows, and it is a tie.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum
from random import Random

from catalog.selection.metrics import Measured, MetricSpec
from catalog.selection.ranking import Readings, Weighing, ranked_candidates, value_of

DRAWS = 200
AHEAD = 0.9
"""Share of the draws in which the first must be ahead of another to have won."""


def tied_with_first(
    ranked: Sequence[Readings], weighing: Weighing, metrics: Mapping[str, MetricSpec], *, seed: str
) -> int:
    """The number of candidates after the first of ``ranked`` that are tied with it, in rank order.

    The draws depend on ``seed``, hexadecimal digits, alone. Nothing is tied where nothing is weighed.
    """
    if len(ranked) < 2 or not weighing.weights:
        return 0
    values = {name: [value_of(candidate, name) for candidate in ranked] for name in weighing.weights}
    windows = _windows(ranked, weighing)
    random = Random(int(seed[:16], 16))
    draws = DRAWS if windows else 1
    behind_counts = [0] * len(ranked)
    for _ in range(draws):
        moved_values = _moved(values, windows, random)
        scores = [
            candidate.score for candidate in ranked_candidates(moved_values, weighing, metrics, count=len(ranked))
        ]
        behind_counts = [count + (score < scores[0]) for count, score in zip(behind_counts, scores, strict=True)]
    tied_count = 0
    while tied_count + 1 < len(ranked) and behind_counts[tied_count + 1] < AHEAD * draws:
        tied_count += 1
    return tied_count


def _windows(ranked: Sequence[Readings], weighing: Weighing) -> dict[str, list[tuple[float, ...]]]:
    """The window values of every weighed metric that varies over windows, by candidate."""
    windows = {}
    for name in weighing.weights:
        readings = [candidate_values.get(name) for candidate_values in ranked]
        values = [
            tuple(window.value for window in reading.windows) if isinstance(reading, Measured) else ()
            for reading in readings
        ]
        if any(len(set(candidate_values)) > 1 for candidate_values in values):
            windows[name] = values
    return windows


def _moved(
    values: Mapping[str, Sequence[float | None]], windows: Mapping[str, Sequence[tuple[float, ...]]], random: Random
) -> dict[str, Sequence[float | None]]:
    """The values after one draw; candidates with the same number of windows are sampled at the same positions."""
    lengths = sorted(
        {len(window_values) for candidate_windows in windows.values() for window_values in candidate_windows} - {0}
    )
    # Only random() yields the same numbers in every version of Python.
    draws = {length: [int(random.random() * length) for _ in range(length)] for length in lengths}
    moved_values = dict(values)
    for name, metric_windows in windows.items():
        moved_values[name] = [
            value
            if value is None or not window_values
            else value
            + (fsum(window_values[position] for position in draws[len(window_values)]) - fsum(window_values))
            / len(window_values)
            for value, window_values in zip(values[name], metric_windows, strict=True)
        ]
    return moved_values
