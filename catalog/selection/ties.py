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
    values = {name: [value_of(each, name) for each in ranked] for name in weighing.weights}
    windows = _windows(ranked, weighing)
    random = Random(int(seed[:16], 16))
    draws = DRAWS if windows else 1
    behind = [0] * len(ranked)
    for _ in range(draws):
        moved = _moved(values, windows, random)
        scores = [each.score for each in ranked_candidates(moved, weighing, metrics, count=len(ranked))]
        behind = [count + (score < scores[0]) for count, score in zip(behind, scores, strict=True)]
    tied = 0
    while tied + 1 < len(ranked) and behind[tied + 1] < AHEAD * draws:
        tied += 1
    return tied


def _windows(ranked: Sequence[Readings], weighing: Weighing) -> dict[str, list[tuple[float, ...]]]:
    """The window values of every weighed metric that varies over windows, by candidate."""
    found = {}
    for name in weighing.weights:
        readings = [each.get(name) for each in ranked]
        values = [
            tuple(w.value for w in reading.windows) if isinstance(reading, Measured) else () for reading in readings
        ]
        if any(len(set(each)) > 1 for each in values):
            found[name] = values
    return found


def _moved(
    values: Mapping[str, Sequence[float | None]], windows: Mapping[str, Sequence[tuple[float, ...]]], random: Random
) -> dict[str, Sequence[float | None]]:
    """The values after one draw; candidates with the same number of windows are sampled at the same positions."""
    lengths = sorted({len(own) for each in windows.values() for own in each} - {0})
    # Only random() yields the same numbers in every version of Python.
    draws = {length: [int(random.random() * length) for _ in range(length)] for length in lengths}
    moved = dict(values)
    for name, of_candidates in windows.items():
        moved[name] = [
            value
            if value is None or not own
            else value + (fsum(own[at] for at in draws[len(own)]) - fsum(own)) / len(own)
            for value, own in zip(values[name], of_candidates, strict=True)
        ]
    return moved
