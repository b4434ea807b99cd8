"""The flow that makes an album on this machine: the pipeline, with its steps as Prefect tasks on local workers."""

from __future__ import annotations

import asyncio
import signal
from contextvars import ContextVar
from dataclasses import dataclass

import httpx
from prefect import flow
from prefect.exceptions import PrefectException, TerminationSignal

from catalog.catalog import Catalog
from catalog.common.errors import MachineError, WorkError
from catalog.common.text import counted
from catalog.plan.plan import PlannedAlbum
from flows.artifacts.artifacts import AlbumArtifacts, ProgressArtifact
from flows.pipeline.pipeline import PipelineResult
from flows.pipeline.progress import Progress
from flows.pipeline.run import run_pipeline


@dataclass(slots=True)
class Run:
    """One production in this process. The flow stores its result in ``result``, as only ids pass through Prefect."""

    catalog: Catalog
    planned: PlannedAlbum
    progress: Progress
    result: PipelineResult | None = None


_run: ContextVar[Run] = ContextVar("songline_run")


@flow(name="produce-album", flow_run_name="produce · {album_id}", persist_result=False)
async def produce_album(album_id: str, manifest_digest: str, until: str = "release") -> str:
    """Make the album that :func:`produce_locally` was given; gives the release's key or a sentence."""
    run = _run.get()
    async with ProgressArtifact(run.progress, album_id=run.planned.album.id, description=run.planned.album.title):
        run.result = await run_pipeline(run.catalog, run.planned, until, progress=run.progress, limits={})
    await AlbumArtifacts(run.catalog, run.planned).finish(run.result)
    if run.result.failures:
        sentence = f"{run.planned.album.title}: {counted(len(run.result.failures), 'song')} failed"
        raise WorkError(sentence, remedy="See the report for each song's reason")
    return run.result.release_key or f"stopped after {until}"


def produce_locally(catalog: Catalog, planned: PlannedAlbum, progress: Progress, until: str) -> PipelineResult:
    """Run the flow in this process. Failed songs are listed in the result; any other error is raised."""
    run = Run(catalog, planned, progress)
    token = _run.set(run)
    try:
        asyncio.run(produce_album(planned.album.id, planned.digest, until))
    except WorkError:
        if run.result is None:
            raise
    except TerminationSignal:
        raise SystemExit(128 + signal.SIGTERM) from None
    except (httpx.HTTPError, PrefectException) as error:
        raise MachineError(
            f"Prefect's local API stopped answering: {str(error).splitlines()[0]}",
            remedy=f"Look for a full disk and read {catalog.settings.prefect_path / 'server.log'}; then run it again",
        ) from error
    finally:
        _run.reset(token)
    if run.result is None:
        raise WorkError("the flow ended without a result", remedy="Run the same command again")
    return run.result
