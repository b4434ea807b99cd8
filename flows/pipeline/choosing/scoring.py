"""Scores the candidates of a song: those of one kind of step share runs."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

from catalog.album.album import Song
from catalog.common.errors import SonglineError
from catalog.common.takes import pruned_error
from catalog.ledger.results import StepResult
from catalog.ledger.work import StepRequest
from catalog.plan.plan import Candidate
from flows.pipeline.dataloader import DataLoader
from flows.pipeline.executor import Executor, NamedStep

ScoreRequests = tuple[StepRequest, ...]
"""All scoring steps of one candidate."""


class Scorer:
    """Does the scoring steps of one song's candidates."""

    def __init__(self, executor: Executor, steps: DataLoader[StepResult], song: Song) -> None:
        self._executor = executor
        self._steps = steps
        self._song = song

    async def score(
        self, candidates: Sequence[Candidate], scores: Sequence[ScoreRequests], *, pruned: Collection[str]
    ) -> list[BaseException | None]:
        """Score ``candidates``; the error of each that could not be scored. Of ``pruned`` ones, by id, only the scores
        that there are can be used."""
        named_by_kind: dict[str, dict[str, NamedStep]] = {}
        lost = await self._unscored([pair for pair in zip(candidates, scores, strict=True) if pair[0].id in pruned])
        for candidate, requests in zip(candidates, scores, strict=True):
            for step in () if candidate.id in lost else requests:
                name = f"{step.kind} · {self._song.title} · {candidate.name(self._song)}"
                named_by_kind.setdefault(step.kind, {})[step.key] = (step, name)
        found = await asyncio.gather(*(self._errors_of(kind, named) for kind, named in named_by_kind.items()))
        errors = {key: error for errors_by_key in found for key, error in errors_by_key.items()}
        return [
            lost.get(candidate.id) or next((errors[step.key] for step in requests if step.key in errors), None)
            for candidate, requests in zip(candidates, scores, strict=True)
        ]

    async def _unscored(self, pruned: Sequence[tuple[Candidate, ScoreRequests]]) -> dict[str, SonglineError]:
        """The errors of candidates whose audio is pruned and some of whose scores are missing, by id."""
        if not pruned:
            return {}
        done = await self._steps.load_many([step.key for _, requests in pruned for step in requests])
        return {
            candidate.id: pruned_error(candidate.id, "scored")
            for candidate, requests in pruned
            if any(step.key not in done for step in requests)
        }

    async def _errors_of(self, kind: str, named: Mapping[str, NamedStep]) -> dict[str, BaseException]:
        """Do scoring steps of one kind; the errors of those that failed, by key."""
        results = await self._executor.batch(list(named.values()), f"{kind} · {self._song.title}")
        return {key: result for key, result in zip(named, results, strict=True) if isinstance(result, BaseException)}


def those_scored(
    candidates: Sequence[Candidate], score_requests: Sequence[ScoreRequests], outcomes: Sequence[BaseException | None]
) -> tuple[list[Candidate], list[ScoreRequests]]:
    """The candidates that could be scored, with their steps. Raises a scoring error where it is not a SonglineError,
    or where no candidate is left."""
    errors = [outcome for outcome in outcomes if outcome is not None]
    for error in errors:
        if not isinstance(error, SonglineError) or len(errors) == len(outcomes):
            raise error
    pairs = [
        (candidate, requests)
        for candidate, requests, outcome in zip(candidates, score_requests, outcomes, strict=True)
        if outcome is None
    ]
    return [candidate for candidate, _ in pairs], [requests for _, requests in pairs]
