"""Turns readings into scores: percentiles within the song, metrics into families, families into one number.

Each metric is converted to its mid-rank percentile in the ranked candidates: the share of them that are worse, plus
half of those that are equal (itself included). Two readings are equal where they are within the metric's
just-noticeable step: an inaudible difference decides nothing. With four to sixteen candidates a standard deviation is
noise, and a percentile is robust against one outlier. A family is the mean of its metrics, the score the weighted
mean of the families; written out, each metric has its own weight. A metric without a reading of any ranked candidate
is omitted, and the other weights are scaled up; a candidate without a reading that others have is last in that
metric.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from catalog.selection.metrics import NOT_SCORED, Measured, MetricSpec, NotMeasurable, Reading
from catalog.selection.policy import Policy
from catalog.selection.taste.term import NAME as TASTE
from catalog.selection.taste.term import TasteTerm

Readings = Mapping[str, Reading]


@dataclass(frozen=True, slots=True)
class Weighing:
    """The weights for the candidates of one song.

    ``weights`` of metrics sum to 1, as do those of ``families``, which are empty where the policy weighs single
    metrics; ``left_out`` are the metrics of which no ranked candidate has a reading, with the reason.
    """

    weights: Mapping[str, float]
    families: Mapping[str, float]
    left_out: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RankedCandidate:
    """One candidate's percentiles by metric and by family, 0 to 1, better is higher, and their weighted mean."""

    normalised: Mapping[str, float]
    families: Mapping[str, float]
    score: float


def reading_of(readings: Readings, name: str) -> Reading:
    """The reading of a metric; not measurable where there is none."""
    return readings.get(name, NotMeasurable(NOT_SCORED))


def weigh(policy: Policy, ranked: Sequence[Readings], metrics: Mapping[str, MetricSpec]) -> Weighing:
    """The weights of a policy that have readings, in the policy's order."""
    if not ranked:
        return Weighing({}, {}, {})
    counted_names = policy.weights or [name for name in policy.metrics if metrics[name].family in policy.families]
    left_out = {}
    for name in counted_names:
        readings = [reading_of(candidate_readings, name) for candidate_readings in ranked]
        reasons = [reading.reason for reading in readings if isinstance(reading, NotMeasurable)]
        if len(reasons) == len(readings):
            left_out[name] = reasons[0]
    used_names = [name for name in counted_names if name not in left_out]
    if policy.weights:
        weighing = Weighing(_shares({name: policy.weights[name] for name in used_names}), {}, left_out)
        return _with_taste(weighing, policy.taste)
    members: dict[str, list[str]] = {
        family: [name for name in used_names if metrics[name].family == family] for family in policy.families
    }
    families = _shares({family: weight for family, weight in policy.families.items() if members[family]})
    weights = {name: share / len(members[family]) for family, share in families.items() for name in members[family]}
    return _with_taste(Weighing({name: weights[name] for name in used_names}, families, left_out), policy.taste)


def _with_taste(weighing: Weighing, taste: TasteTerm | None) -> Weighing:
    """The weights with the share of a taste, which is a family of its own; all of it where nothing else counts."""
    if taste is None:
        return weighing
    share = taste.share if weighing.weights else 1.0
    weights = {name: (1.0 - share) * weight for name, weight in weighing.weights.items() if share < 1}
    families = {family: (1.0 - share) * weight for family, weight in weighing.families.items() if share < 1}
    has_families = bool(families) or not weighing.weights
    return Weighing({**weights, TASTE: share}, {**families, TASTE: share} if has_families else {}, weighing.left_out)


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    total = fsum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def ranked_candidates(
    values: Mapping[str, Sequence[float | None]], weighing: Weighing, metrics: Mapping[str, MetricSpec], *, count: int
) -> list[RankedCandidate]:
    """The ranks of ``count`` candidates by their ``values`` of each weighed metric.

    Scores are rounded, so that sums that differ only in their last bits are equal.
    """
    percentiles = {name: _percentiles(values[name], metrics[name]) for name in weighing.weights}
    return [
        _status({name: percentiles[name][index] for name in weighing.weights}, weighing, metrics)
        for index in range(count)
    ]


def _status(normalised: Mapping[str, float], weighing: Weighing, metrics: Mapping[str, MetricSpec]) -> RankedCandidate:
    members = {
        family: [own for name, own in normalised.items() if metrics[name].family == family]
        for family in weighing.families
    }
    families = {family: fsum(own) / len(own) for family, own in members.items()}
    if not weighing.weights:
        return RankedCandidate({}, {}, 0.5)
    score = fsum(weight * normalised[name] for name, weight in weighing.weights.items())
    return RankedCandidate(normalised, families, round(score, 12))


def _percentiles(values: Sequence[float | None], spec: MetricSpec) -> list[float]:
    """The mid-rank percentiles; :func:`ahead` decides what is worse and better, counted in rising order."""
    goodness_values, step = [goodness(value, spec) for value in values], spec.just_noticeable
    sorted_values = sorted(goodness_values)
    lowered_values = [goodness_value - step for goodness_value in sorted_values]
    worse_counts = [bisect_left(sorted_values, goodness_value - step) for goodness_value in goodness_values]
    better_counts = [
        len(goodness_values) - bisect_right(lowered_values, goodness_value) for goodness_value in goodness_values
    ]
    return [
        (worse_count + (len(goodness_values) - worse_count - better_count) / 2) / len(goodness_values)
        for worse_count, better_count in zip(worse_counts, better_counts, strict=True)
    ]


def ahead(one: float, other: float, step: float) -> bool:
    """Whether ``one`` (see :func:`goodness`) is better than another by more than the just-noticeable ``step``."""
    return other < one - step


def goodness(value: float | None, spec: MetricSpec) -> float:
    """A value such that more is better; a missing one is worse than anything."""
    if value is None:
        return float("-inf")
    return value if spec.direction == "higher" else -value


def value_of(readings: Readings, name: str) -> float | None:
    """The number of a metric's reading, None where there is none."""
    reading = readings.get(name)
    return reading.value if isinstance(reading, Measured) else None
