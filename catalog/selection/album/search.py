"""Finds the cheapest combination of one take for each song, where takes cost by themselves and in pairs.

Exact where the songs' costs depend on neighbours only (dynamic programming), and where branch and bound ends within
:data:`MOST_NODES`; else the best that a local search from fixed starts finds. The same costs give the same result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

MOST_NODES = 20_000
STARTS = 12
LEAST_GAIN = 1e-9
"""A combination must be cheaper by more than sums differ in their last bits."""


@dataclass(frozen=True, slots=True)
class Costs:
    """``own``: the cost of each take, by song; ``pairs``: that of two takes of the songs (i, j), i < j, shape (takes of
    i, takes of j). The first take of each song is the one to start from."""

    own: Sequence[NDArray[np.float64]]
    pairs: dict[tuple[int, int], Matrix]

    def of(self, choice: Sequence[int]) -> float:
        """The cost of a combination: the place of the take of each song."""
        own = sum(float(costs[take]) for costs, take in zip(self.own, choice, strict=True))
        return own + sum(float(matrix[choice[i], choice[j]]) for (i, j), matrix in self.pairs.items())

    def between(self, i: int, j: int) -> Matrix | None:
        """The costs of takes of song ``i`` (rows) with those of ``j``, in either order; None where there are none."""
        if (i, j) in self.pairs:
            return self.pairs[i, j]
        matrix = self.pairs.get((j, i))
        return None if matrix is None else matrix.T


@dataclass(frozen=True, slots=True)
class Found:
    """The cheapest combination that was found, and whether none is cheaper."""

    choice: tuple[int, ...]
    exact: bool


def cheapest(costs: Costs, *, most_nodes: int = MOST_NODES) -> Found:
    """The cheapest combination; of equal ones that which the search from the first takes reaches first."""
    if not costs.own:
        return Found((), exact=True)
    start = _local_search(costs)
    if all(j == i + 1 for i, j in costs.pairs):
        return Found(_better(costs, _by_neighbours(costs), start), exact=True)
    choice, exact = _Branches(costs, start, most_nodes).result()
    return Found(choice, exact)


def _better(costs: Costs, new: tuple[int, ...], old: tuple[int, ...]) -> tuple[int, ...]:
    return new if costs.of(new) < costs.of(old) - LEAST_GAIN else old


def _by_neighbours(costs: Costs) -> tuple[int, ...]:
    """Dynamic programming over songs in order: the cheapest way to each take of each song."""
    totals, backs = costs.own[0], []
    for song in range(1, len(costs.own)):
        matrix = costs.pairs.get((song - 1, song))
        ways = totals[:, None] + (np.zeros((len(totals), len(costs.own[song]))) if matrix is None else matrix)
        backs.append(ways.argmin(axis=0))
        totals = ways.min(axis=0) + costs.own[song]
    choice = [int(totals.argmin())]
    for back in reversed(backs):
        choice.append(int(back[choice[-1]]))
    return tuple(reversed(choice))


def _local_search(costs: Costs) -> tuple[int, ...]:
    """The cheapest combination that changing one or two songs cannot improve, from the first takes and other starts."""
    random = Random(0)
    best = _descent(costs, [0] * len(costs.own))
    for _ in range(STARTS):
        # Only random() yields the same numbers in every version of Python.
        start = [int(random.random() * len(takes)) for takes in costs.own]
        best = _better(costs, _descent(costs, start), best)
    return best


def _descent(costs: Costs, start: Sequence[int]) -> tuple[int, ...]:
    choice = list(start)
    while _improve_one(costs, choice) or _improve_two(costs, choice):
        pass
    return tuple(choice)


def _costs_of_song(costs: Costs, choice: Sequence[int], song: int, without: int = -1) -> NDArray[np.float64]:
    """The cost of each take of a song beside the takes of the others."""
    total = costs.own[song].copy()
    for other, take in enumerate(choice):
        matrix = None if other in (song, without) else costs.between(song, other)
        if matrix is not None:
            total += matrix[:, take]
    return total


def _improve_one(costs: Costs, choice: list[int]) -> bool:
    is_better = False
    for song in range(len(choice)):
        total = _costs_of_song(costs, choice, song)
        take = int(total.argmin())
        if total[take] < total[choice[song]] - LEAST_GAIN:
            choice[song], is_better = take, True
    return is_better


def _improve_two(costs: Costs, choice: list[int]) -> bool:
    for i, j in combinations(range(len(choice)), 2):
        matrix = costs.between(i, j)
        if matrix is None:
            continue
        one, other = _costs_of_song(costs, choice, i, j), _costs_of_song(costs, choice, j, i)
        total = one[:, None] + other[None, :] + matrix
        take, other_take = divmod(int(total.argmin()), total.shape[1])
        if total[take, other_take] < total[choice[i], choice[j]] - LEAST_GAIN:
            choice[i], choice[j] = take, other_take
            return True
    return False


class _Branches:
    """Branch and bound: songs in order, takes by rising bound; a branch that cannot be cheaper is left."""

    def __init__(self, costs: Costs, start: tuple[int, ...], most_nodes: int) -> None:
        self._costs = costs
        self._best, self._best_cost = start, costs.of(start)
        self._nodes_left = most_nodes
        count = len(costs.own)
        self._rest = [0.0] * (count + 1)
        """The least that pairs among the songs from each on can cost."""
        for song in reversed(range(count)):
            least = sum(float(matrix.min()) for (i, _), matrix in costs.pairs.items() if i == song)
            self._rest[song] = self._rest[song + 1] + least

    def result(self) -> tuple[tuple[int, ...], bool]:
        """The best combination, and whether every branch was searched or bounded."""
        self._descend([], 0.0, [takes.copy() for takes in self._costs.own])
        return self._best, self._nodes_left > 0

    def _descend(self, choice: list[int], cost: float, open_costs: list[NDArray[np.float64]]) -> None:
        song = len(choice)
        if not open_costs:
            if cost < self._best_cost - LEAST_GAIN:
                self._best, self._best_cost = tuple(choice), cost
            return
        rest = sum(float(takes.min()) for takes in open_costs[1:]) + self._rest[song]
        for take in np.argsort(open_costs[0], kind="stable"):
            spent = cost + float(open_costs[0][take])
            if self._nodes_left <= 0 or spent + rest >= self._best_cost - LEAST_GAIN:
                return
            self._nodes_left -= 1
            later = [self._with(song, int(take), song + 1 + n, takes) for n, takes in enumerate(open_costs[1:])]
            self._descend([*choice, int(take)], spent, later)

    def _with(self, song: int, take: int, other: int, takes: NDArray[np.float64]) -> NDArray[np.float64]:
        matrix = self._costs.pairs.get((song, other))
        return takes if matrix is None else takes + matrix[take]
