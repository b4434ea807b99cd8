"""Decides the songs of an album from the scores that there are, without rendering or scoring anything."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from catalog.catalog import Catalog
from catalog.common.digests import Json
from catalog.common.errors import SonglineError
from catalog.ledger.results import StepResult, step_result
from catalog.ledger.work import StepRequest
from catalog.plan.plan import PlannedAlbum
from catalog.plan.status import SongRow
from catalog.plan.storage import part_of, stored_plan
from catalog.selection.reviews import ReviewKind
from flows.pipeline.executor import CatalogLookup, NotRunYet
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


def decide_song_of(catalog: Catalog, album_id: str, candidate: str) -> SonglineError | None:
    """Decide the song of a candidate from its scores, after something was said of it. Returns the error of a song
    without a winner, None also where not all of its takes are scored yet."""
    planned = stored_plan(catalog.database, album_id)
    songs = [song.song.id for song in planned.songs if candidate in {take.id for take in song.candidates}]
    try:
        failures = decide_now(catalog, part_of(planned, songs=songs))
    except NotRunYet:
        return None
    return next(iter(failures.values()), None)


def review_document(album_id: str, candidate: str, kind: ReviewKind, song: SongRow) -> dict[str, Json]:
    """A review and the decision that stands after it, as JSON."""
    return {
        "album": album_id,
        "song": song.id,
        "candidate": candidate,
        "review": kind,
        "winner": song.winner,
        "sentence": song.decision["sentence"] if song.decision else None,
    }


class _Decide(CatalogLookup):
    """Looks up finished work, and decides; does no other work."""

    async def step(self, request: StepRequest, sentence: str) -> StepResult:
        """See :class:`flows.pipeline.executor.Executor`."""
        if request.kind in ("select", "choose") and step_result(self.catalog.database, request.key) is None:
            self.catalog.ledger.declare_steps([request])
            run_step(self.catalog, request.key, execution_environment())
        return await super().step(request, sentence)
