"""Scores the candidates of a song: those of one kind of step share runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from catalog.album.album import Song
from catalog.common.errors import SonglineError
from catalog.ledger.work import StepRequest
from catalog.plan.plan import Candidate
from flows.pipeline.executor import Executor, NamedStep

ScoreRequests = tuple[StepRequest, ...]
"""All scoring steps of one candidate."""


async def score_candidates(
    executor: Executor, song: Song, candidates: Sequence[Candidate], scores: Sequence[ScoreRequests]
) -> list[BaseException | None]:
    """Do the scoring steps of a song's candidates; the error of each candidate that could not be scored."""
    named_by_kind: dict[str, dict[str, NamedStep]] = {}
    for candidate, requests in zip(candidates, scores, strict=True):
        for step in requests:
            name = f"{step.kind} · {song.title} · {candidate.name(song)}"
            named_by_kind.setdefault(step.kind, {})[step.key] = (step, name)
    found = await asyncio.gather(
        *(_errors_of(executor, kind, named, song.title) for kind, named in named_by_kind.items())
    )
    errors = {key: error for errors_by_key in found for key, error in errors_by_key.items()}
    return [next((errors[step.key] for step in requests if step.key in errors), None) for requests in scores]


async def _errors_of(
    executor: Executor, kind: str, named: Mapping[str, NamedStep], title: str
) -> dict[str, BaseException]:
    """Do scoring steps of one kind; the errors of those that failed, by key."""
    results = await executor.batch(list(named.values()), f"{kind} · {title}")
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
