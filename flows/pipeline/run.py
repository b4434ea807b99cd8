"""Runs an album, or a part of it, on this machine's workers within a flow run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

from catalog.catalog import Catalog, open_catalog
from catalog.common.errors import TransientError, WorkError
from catalog.common.settings import load_settings
from catalog.common.text import counted
from catalog.ledger.submissions import is_settled
from catalog.plan.plan import PlannedAlbum
from flows.pipeline.pipeline import AlbumPipeline, PipelineResult
from flows.pipeline.progress import Progress
from flows.pipeline.score_requests import ScoreRequests
from flows.pipeline.task_executor import PrefectExecutor
from flows.planning.shards import largest_bytes, local_shards
from tasks.prefect_tasks import PrefectTasks
from tasks.worker_pool import WorkerPool

MASTERING_LIMIT = "songline-mastering"
STORE_LIMIT = "songline-store"
LIMITS: Mapping[str, str] = {
    "enhance": MASTERING_LIMIT,
    "master": MASTERING_LIMIT,
    "level": MASTERING_LIMIT,
    "version": MASTERING_LIMIT,
    "separate": MASTERING_LIMIT,
    "demix": MASTERING_LIMIT,
    "resample": MASTERING_LIMIT,
    "encode": STORE_LIMIT,
    "pack": STORE_LIMIT,
}
"""The global concurrency limit for each kind of step on work pools."""


@contextmanager
def open_run_catalog() -> Iterator[Catalog]:
    """The catalog by this worker's settings, for the duration of a flow run."""
    with open_catalog(load_settings()) as catalog:
        yield catalog


async def run_pipeline(
    catalog: Catalog,
    planned: PlannedAlbum,
    until: str,
    *,
    progress: Progress | None = None,
    limits: Mapping[str, str] = LIMITS,
) -> PipelineResult:
    """Bring these songs with these candidates to the stage ``until``, on this machine's workers.

    ``progress`` is updated; ``limits`` names the global concurrency limit of each kind of step that has one.
    """
    progress = progress or Progress(planned.songs)
    settings = catalog.settings
    with closing(WorkerPool(settings, memory_bytes=largest_bytes(planned, settings))) as pool:
        executor = PrefectExecutor(
            catalog, PrefectTasks(pool), progress, local_shards(planned, settings), limits=limits
        )
        return await AlbumPipeline(catalog, planned, executor, progress).run(until)


def raise_if_renders_missing(catalog: Catalog, planned: PlannedAlbum) -> None:
    """Raise TransientError where a render, or its score by a judge with a model, is missing (again). Both are made on
    the GPU pool only."""
    keys = [candidate.render_key for song in planned.songs for candidate in song.candidates]
    statuses = catalog.ledger.statuses("render", keys)
    if not all(is_settled(statuses.get(key)) for key in keys):
        raise TransientError("renders are missing again", remedy="The album's coordinating run starts them again")
    if ScoreRequests(catalog, planned).missing_requests([key for key, status in statuses.items() if status.finished]):
        remedy = "The album's coordinating run has them scored on a GPU"
        raise TransientError("judges have not scored every candidate", remedy=remedy)


def raise_failures(result: PipelineResult) -> None:
    """Raise one WorkError that names every song that failed."""
    if result.failures:
        message = "; ".join(error.what for error in result.failures.values())
        raise WorkError(
            f"{counted(len(result.failures), 'song')} failed: {message}", remedy="Correct the cause and retry"
        )
