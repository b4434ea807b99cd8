"""A Bradley-Terry model whose strengths are linear in the readings of the takes.

The probability that one take is preferred to another is the logistic function of the weighted differences of their
readings (Bradley and Terry 1952; covariates as in Springall 1973). Fitting is a logistic regression without an
intercept, with the squared weights as penalty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
"""Differences of readings, better minus worse: shape (votes, metrics)."""

Vector = NDArray[np.float64]

PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Penalties to choose from."""

MOST_STEPS = 50
CONVERGED = 1e-9


@dataclass(frozen=True, slots=True)
class Votes:
    """Votes as numbers: ``differences`` in spreads of each metric, the ``weights`` of the votes, and their ``groups``:
    votes of one group are never on both sides of a test."""

    differences: Matrix
    weights: Vector
    groups: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.differences)

    def where(self, chosen: NDArray[np.bool_]) -> Votes:
        """A part of the votes."""
        return Votes(self.differences[chosen], self.weights[chosen], self.groups[chosen])

    def of_metrics(self, columns: Sequence[int]) -> Votes:
        """The same votes with some of the metrics."""
        return Votes(self.differences[:, list(columns)], self.weights, self.groups)


def fitted(votes: Votes, penalty: float) -> Vector:
    """The weights of the metrics, by Newton's method; the penalised likelihood has one maximum."""
    count = votes.differences.shape[1]
    weights = np.zeros(count)
    for _ in range(MOST_STEPS):
        preferred = _logistic(votes.differences @ weights)
        gradient = votes.differences.T @ (votes.weights * (1 - preferred)) - penalty * weights
        spread = votes.weights * preferred * (1 - preferred)
        curvature = (votes.differences * spread[:, None]).T @ votes.differences + penalty * np.eye(count)
        step = np.linalg.solve(curvature, gradient)
        weights = weights + step
        if np.abs(step).max(initial=0.0) < CONVERGED:
            break
    return weights


def agreement(votes: Votes, weights: Vector) -> float:
    """Share of the votes that the weights predict; a vote on which they say nothing counts half."""
    margins = votes.differences @ weights
    right = np.where(margins > 0, 1.0, np.where(margins < 0, 0.0, 0.5))
    return float(np.average(right, weights=votes.weights))


def likelihood(votes: Votes, weights: Vector) -> float:
    """The mean log likelihood of a vote."""
    margins = votes.differences @ weights
    return float(np.average(-np.logaddexp(0.0, -margins), weights=votes.weights))


def folds(votes: Votes, count: int, rng: np.random.Generator) -> list[NDArray[np.bool_]]:
    """Masks of the held-out votes of ``count`` folds, whole groups each, as equal in size as the groups allow."""
    groups = np.unique(votes.groups)
    rng.shuffle(groups)
    sizes = np.zeros(min(count, len(groups)))
    fold_of: dict[int, int] = {}
    for group in sorted(groups, key=lambda group: -int((votes.groups == group).sum())):
        smallest = int(sizes.argmin())
        fold_of[int(group)] = smallest
        sizes[smallest] += (votes.groups == group).sum()
    assigned = np.array([fold_of[int(group)] for group in votes.groups])
    return [assigned == fold for fold in range(len(sizes))]


def chosen_penalty(votes: Votes, rng: np.random.Generator, *, fold_count: int = 5) -> float:
    """The penalty under which held-out votes are most likely; the largest of those that are within a thousandth."""
    masks = folds(votes, fold_count, rng)
    if len(masks) < 2:
        return PENALTIES[-1]
    means = {
        penalty: float(np.mean([likelihood(votes.where(held), fitted(votes.where(~held), penalty)) for held in masks]))
        for penalty in PENALTIES
    }
    best = max(means.values())
    return max(penalty for penalty, mean in means.items() if mean >= best - 1e-3)


def _logistic(margins: Vector) -> Vector:
    return np.exp(-np.logaddexp(0.0, -margins))
