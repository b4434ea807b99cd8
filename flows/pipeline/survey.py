"""The actual state of an album: the pipeline run over finished work, up to what is missing or failed.

The state comes from the pipeline itself, so that it cannot disagree with what a run would do: a song whose winner
cannot be mastered is a failed song, though it was decided.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from catalog.catalog import Catalog
from catalog.common.digests import Json
from catalog.common.errors import SonglineError, error_document
from catalog.ledger.results import StepResult
from catalog.ledger.work import StepRequest, WorkKind
from catalog.plan.plan import PlannedAlbum, PlannedSong
from flows.pipeline.dataloader import DataLoader
from flows.pipeline.executor import CatalogLookup, NotRunYet
from flows.pipeline.pipeline import AlbumPipeline
from flows.pipeline.progress import Progress, SongProgress
from tasks.steps.run_step import raise_if_failed

Stage = Literal["planned", "rendering", "rendered", "decided", "mastered", "finished"]
AlbumState = Literal["unfinished", "failed", "finished", "released"]

NEXT: Mapping[Stage, str] = {
    "planned": "rendering",
    "rendering": "rendering",
    "rendered": "selection",
    "decided": "mastering",
    "mastered": "delivery",
    "finished": "packing",
}
"""The stage that a song goes through next, or failed in."""


@dataclass(frozen=True, slots=True)
class FailedWork:
    """Work of an album that failed permanently. ``run_name`` is the name of its run: ``master · Last Bus Home``."""

    work: WorkKind
    kind: str
    key: str
    run_name: str
    error: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class SongStatus:
    """The stage that a song reached, and the error that stops it, if any."""

    id: str
    title: str
    stage: Stage
    error: SonglineError | None = None

    def document(self) -> dict[str, Json]:
        """As JSON: the ``stage`` reached, and what ``failed`` where."""
        failure = {"at": NEXT[self.stage], **error_document(self.error)} if self.error else None
        return {"stage": self.stage, "failed": failure}


@dataclass(frozen=True, slots=True)
class AlbumStatus:
    """The state of an album. ``release_key`` is the release of all its finished work, None while there is none;
    ``error`` stops the album as a whole."""

    album_id: str
    title: str
    songs: tuple[SongStatus, ...]
    release_key: str | None
    failed: tuple[FailedWork, ...]
    error: SonglineError | None = None

    def state(self, delivered_key: str | None) -> AlbumState:
        """The state in one word; ``delivered_key`` is the release that was delivered last."""
        if self.release_key is not None:
            return "released" if self.release_key == delivered_key else "finished"
        return "failed" if self.error or any(song.error for song in self.songs) else "unfinished"


class Survey(CatalogLookup):
    """Looks up finished work, and collects permanent failures; nothing is stored or run."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(catalog)
        self._statuses = DataLoader(lambda keys: catalog.ledger.statuses("step", keys))
        self.failed: dict[str, FailedWork] = {}

    async def render(self, song: PlannedSong) -> None:
        """See :class:`flows.pipeline.executor.Executor`."""
        statuses = await self._renders.load_many([candidate.render_key for candidate in song.candidates])
        for candidate in song.candidates:
            status = statuses.get(candidate.render_key)
            if status is not None and status.state == "failed":
                run_name = f"render · {song.song.title} · {candidate.name(song.song)}"
                self._note("render", "render", candidate.render_key, run_name, status.error)
        await super().render(song)

    async def step(self, request: StepRequest, sentence: str) -> StepResult:
        """See :class:`flows.pipeline.executor.Executor`; raises the error of a step that failed permanently."""
        try:
            return await super().step(request, sentence)
        except NotRunYet:
            status = (await self._statuses.load_many([request.key])).get(request.key)
            if status is not None and status.state == "failed":
                self._note("step", request.kind, request.key, sentence, status.error)
                raise_if_failed(status, request.key)
            raise

    def _note(self, work: WorkKind, kind: str, key: str, run_name: str, error: Mapping[str, Json] | None) -> None:
        self.failed.setdefault(key, FailedWork(work, kind, key, run_name, error or {}))


def survey(catalog: Catalog, planned: PlannedAlbum) -> AlbumStatus:
    """The state of the album by its plan. Nothing is run, stored or loaded."""
    return asyncio.run(_survey(catalog, planned))


async def _survey(catalog: Catalog, planned: PlannedAlbum) -> AlbumStatus:
    progress, executor = Progress(planned.songs), Survey(catalog)
    keys = [candidate.render_key for song in planned.songs for candidate in song.candidates]
    statuses = catalog.ledger.statuses("render", keys)
    failures: Mapping[str, SonglineError] = {}
    release_key, error = None, None
    try:
        result = await AlbumPipeline(catalog, planned, executor, progress, persist=False).run()
        failures, release_key = result.failures, result.release_key
    except NotRunYet as interruption:
        failures = interruption.failures
    except SonglineError as problem:
        error = problem
    states = {key: status.state for key, status in statuses.items()}
    songs = tuple(_status(song, progress.songs[song.song.id], states, failures) for song in planned.songs)
    failed_work = tuple(executor.failed.values())
    return AlbumStatus(planned.album.id, planned.album.title, songs, release_key, failed_work, error)


def _status(
    planned: PlannedSong, progress: SongProgress, states: Mapping[str, str], failures: Mapping[str, SonglineError]
) -> SongStatus:
    song = planned.song
    return SongStatus(song.id, song.title, _stage(planned, progress, states), failures.get(song.id))


def _stage(planned: PlannedSong, progress: SongProgress, states: Mapping[str, str]) -> Stage:
    if progress.delivered:
        return "finished"
    if progress.mastered:
        return "mastered"
    if progress.selected_seed is not None:
        return "decided"
    candidate_states = {states.get(candidate.render_key, "planned") for candidate in planned.candidates}
    if candidate_states <= {"rendered", "failed"}:
        return "rendering" if candidate_states == {"failed"} else "rendered"
    return "planned" if candidate_states == {"planned"} else "rendering"
