"""A studio's taste: the weights of the metrics, how well they predict its votes, and what each metric alone does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from catalog.common.digests import Json, digest_value
from catalog.common.errors import RefusedError
from catalog.selection.taste.model import Votes, agreement, chosen_penalty, fitted, folds
from catalog.selection.taste.term import TasteTerm, revision_of

LEAST_VOTES = 30
"""With fewer votes the agreement's own spread is as large as what there is to find."""

LEAST_READ = 0.8
"""Share of the votes in which both takes must have a reading of a metric that counts."""

FOLDS, REPEATS = 5, 8
TWO_SIDED = 1.96
"""Standard errors of a 95 % interval."""

Readings = Mapping[str, Mapping[str, float]]
"""The readings of each take by metric; what is not measurable is left out."""


@dataclass(frozen=True, slots=True)
class Preference:
    """One vote: a take that was preferred to another of the same ``song``. ``weight`` below 1 where one decision gave
    several votes, as a pick does over all other takes."""

    better: str
    worse: str
    song: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Agreement:
    """Share of held-out votes that are predicted, and its standard error by the number of votes."""

    share: float
    error: float

    @property
    def is_more_than_chance(self) -> bool:
        """Whether chance alone would reach it in fewer than one of forty studios."""
        return self.share - TWO_SIDED * self.error > 0.5

    def document(self) -> dict[str, Json]:
        """As JSON, rounded."""
        return {"share": round(self.share, 4), "error": round(self.error, 4)}


@dataclass(frozen=True, slots=True)
class Taste:
    """A fitted taste.

    ``weights`` are for a difference of one spread of the metric, ``spreads`` in the metric's unit; ``alone`` is the
    agreement of each metric by itself, its direction learned too. ``votes`` is the number of votes.
    """

    weights: Mapping[str, float]
    spreads: Mapping[str, float]
    agreement: Agreement
    alone: Mapping[str, Agreement]
    votes: int
    penalty: float

    @property
    def is_found(self) -> bool:
        """Whether there is a preference that these metrics show."""
        return self.agreement.is_more_than_chance

    @property
    def revision(self) -> str:
        """The identity of the weights."""
        return revision_of(self.weights, self.spreads)

    def term(self, share: float) -> TasteTerm:
        """The taste as a part of a policy, with its ``share`` of the score, 0 to 1."""
        return TasteTerm(share=share, revision=self.revision, weights=dict(self.weights), spreads=dict(self.spreads))

    def document(self) -> dict[str, Json]:
        """As JSON: what a policy holds and what is shown."""
        return {
            "revision": self.revision,
            "votes": self.votes,
            "penalty": self.penalty,
            "agreement": self.agreement.document(),
            "found": self.is_found,
            "weights": dict(self.weights),
            "spreads": dict(self.spreads),
            "alone": {name: alone.document() for name, alone in self.alone.items()},
        }


def taste_of(preferences: Sequence[Preference], readings: Readings) -> Taste:
    """The taste that the votes show, from the readings of their takes; the same for the same votes in any order.

    Its agreement is that of votes on songs that were held out, with the penalty chosen without them. Raises
    RefusedError for fewer than :data:`LEAST_VOTES` votes, and where no metric has readings.
    """
    votes = sorted(
        (vote for vote in preferences if vote.better in readings and vote.worse in readings),
        key=lambda vote: (vote.song, vote.better, vote.worse, vote.weight),
    )
    total = round(sum(vote.weight for vote in votes), 6)  # the shares of one pick may add up to a little less than 1
    if total < LEAST_VOTES:
        raise RefusedError(
            f"votes on takes with scores: {int(total)}, and a taste needs {LEAST_VOTES}",
            remedy="Compare more takes; a pick counts as one vote",
        )
    names = _read_in_most(votes, readings)
    numbers, spreads = _numbers(votes, readings, names)
    if not spreads.any():
        raise RefusedError("no metric differs among the takes that were compared", remedy="Score them by more judges")
    rng = np.random.default_rng(int(digest_value("taste-folds/v1", {"votes": len(votes), "names": names})[:15], 16))
    penalty = chosen_penalty(numbers, rng)
    weights = fitted(numbers, penalty)
    alone = {
        name: _held_out(numbers.of_metrics([column]), rng, penalty=1.0, repeats=1) for column, name in enumerate(names)
    }
    return Taste(
        weights={name: round(float(weight), 6) for name, weight in zip(names, weights, strict=True)},
        spreads={name: float(f"{spread:.6g}") or 1.0 for name, spread in zip(names, spreads, strict=True)},
        agreement=_held_out(numbers, rng, penalty=None, repeats=REPEATS),
        alone=alone,
        votes=len(votes),
        penalty=penalty,
    )


def _read_in_most(votes: Sequence[Preference], readings: Readings) -> list[str]:
    """The metrics that both takes of most votes have, in order of name."""
    counts: dict[str, int] = {}
    for vote in votes:
        for name in readings[vote.better].keys() & readings[vote.worse].keys():
            counts[name] = counts.get(name, 0) + 1
    return sorted(name for name, count in counts.items() if count >= LEAST_READ * len(votes))


def _numbers(
    votes: Sequence[Preference], readings: Readings, names: Sequence[str]
) -> tuple[Votes, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """The votes as differences in spreads of each metric, and the spreads; a metric that never differs has 0."""

    def difference(vote: Preference, name: str) -> float:
        better, worse = readings[vote.better], readings[vote.worse]
        return better[name] - worse[name] if name in better and name in worse else 0.0

    differences = np.array([[difference(vote, name) for name in names] for vote in votes], np.float64)
    spreads = np.sqrt((differences**2).mean(axis=0)) if names else np.zeros(0)
    scaled = differences / np.where(spreads > 0, spreads, 1.0)
    songs = {song: number for number, song in enumerate(sorted({vote.song for vote in votes}))}
    groups = np.array([songs[vote.song] for vote in votes])
    if len(songs) < FOLDS:  # too few songs to hold any out: every pair of takes is a group of its own
        pairs = [tuple(sorted((vote.better, vote.worse))) for vote in votes]
        known = {pair: number for number, pair in enumerate(sorted(set(pairs)))}
        groups = np.array([known[pair] for pair in pairs])
    return Votes(scaled, np.array([vote.weight for vote in votes]), groups), spreads


def _held_out(votes: Votes, rng: np.random.Generator, *, penalty: float | None, repeats: int) -> Agreement:
    """The agreement with held-out votes; without a ``penalty`` it is chosen from the other votes each time."""
    shares = []
    for _ in range(repeats):
        right = 0.0
        for held in folds(votes, FOLDS, rng):
            others = votes.where(~held)
            if not len(others):
                continue
            weights = fitted(others, chosen_penalty(others, rng) if penalty is None else penalty)
            right += agreement(votes.where(held), weights) * votes.weights[held].sum()
        shares.append(right / votes.weights.sum())
    share = float(np.mean(shares))
    return Agreement(share, float(np.sqrt(max(share * (1 - share), 0.01) / votes.weights.sum())))
