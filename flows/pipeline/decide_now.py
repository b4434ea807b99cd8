"""Decides the songs of an album from the scores that there are, without rendering or scoring anything."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from catalog.catalog import Catalog
from catalog.common.errors import SonglineError
from catalog.ledger.results import StepResult, step_result
from catalog.ledger.work import StepRequest
from catalog.plan.plan import PlannedAlbum
from flows.pipeline.executor import CatalogLookup
from flows.pipeline.pipeline import AlbumPipeline
from flows.pipeline.progress import Progress
from tasks.steps.environment import execution_environment
from tasks.steps.run_step import run_step


def decide_now(catalog: Catalog, planned: PlannedAlbum) -> Mapping[str, SonglineError]:
    """Store the decision of every song of the plan; returns the errors of those without a winner, by song.

    A part of an album is decided song by song; its next render fits it. Raises NotRunYet where a candidate of a song is
    not rendered or scored; the others are decided.
    """
    is_whole = len(planned.songs) == len(planned.album.songs)
    pipeline = AlbumPipeline(catalog, planned, _Decide(catalog), Progress(planned.songs), fits_album=is_whole)
    return asyncio.run(pipeline.run("select")).failures


class _Decide(CatalogLookup):
    """Looks up finished work, and decides; does no other work."""

    async def step(self, request: StepRequest, sentence: str) -> StepResult:
        """See :class:`flows.pipeline.executor.Executor`."""
        if request.kind in ("select", "choose") and step_result(self.catalog.database, request.key) is None:
            self.catalog.ledger.declare_steps([request])
            run_step(self.catalog, request.key, execution_environment())
        return await super().step(request, sentence)
