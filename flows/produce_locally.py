"""The flow that makes an album: the production line, carried out by Prefect tasks on this machine's workers."""

from __future__ import annotations

import asyncio
import signal

import httpx
from prefect import flow
from prefect.exceptions import PrefectException, TerminationSignal

from catalog.catalog import House
from catalog.common.errors import MachineError, WorkError
from catalog.common.text import counted
from catalog.plan.plan import PlannedAlbum
from flows.artifacts.artifacts import ProgressArtifact, Wall
from flows.pipeline.context import Run, current, running
from flows.pipeline.pipeline import Line, Produced
from flows.pipeline.progress import Progress
from flows.pipeline.task_executor import PrefectExecutor
from flows.planning.shards import local_shards
from tasks.prefect_tasks import WorkTasks
from tasks.worker_pool import WorkerPool


@flow(name="produce-album", flow_run_name="produce · {album_id}", persist_result=False)
async def produce_album(album_id: str, manifest_digest: str, until: str = "release") -> str:
    """Make the album that the current :class:`flows.pipeline.context.Run` holds; gives the release's key or a
    sentence."""
    run = current()
    shards = local_shards(run.planned, run.house.settings)
    executor = PrefectExecutor(run.house, WorkTasks(run.pool), run.progress, shards)
    async with ProgressArtifact(run.progress, album_id=run.planned.album.id, description=run.planned.album.title):
        run.produced = await Line(run.house, run.planned, executor, run.progress).run(until)
    await Wall(run.house, run.planned).finish(run.produced)
    if run.produced.failures:
        what = f"{run.planned.album.title}: {counted(len(run.produced.failures), 'song')} failed"
        raise WorkError(what, remedy="See the report for each song's reason")
    return run.produced.release_key or f"stopped after {until}"


def run_here(house: House, planned: PlannedAlbum, pool: WorkerPool, progress: Progress, until: str) -> Produced:
    """Run the flow in this process. A song that failed is told in the result; anything else is raised."""
    run = Run(house, planned, pool, progress, until)
    with running(run):
        try:
            asyncio.run(produce_album(planned.album.id, planned.digest, until))
        except WorkError:
            if run.produced is None:
                raise
        except TerminationSignal:
            raise SystemExit(128 + signal.SIGTERM) from None
        except (httpx.HTTPError, PrefectException) as error:
            raise MachineError(
                f"Prefect's local API broke off: {str(error).splitlines()[0]}",
                remedy=f"Look for a full disk and read {house.settings.prefect_path / 'server.log'}; then run it again",
            ) from error
    if run.produced is None:
        raise WorkError("the flow ended without a result", remedy="Run the same command again")
    return run.produced
