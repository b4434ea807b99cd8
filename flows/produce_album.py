"""The flow that makes an album: the production line, carried out by Prefect tasks on this machine's workers."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence

import httpx
from prefect import flow
from prefect.exceptions import PrefectException, TerminationSignal

from catalog.albums import Candidate, PlannedAlbum, PlannedSong
from catalog.errors import MachineError, WorkError
from catalog.house import House
from catalog.queries import StepResult, step_result
from catalog.work import StepRequest
from flows.line import Line, Produced
from flows.progress import Progress
from flows.running import Run, current, running
from flows.ui import ProgressArtifact, publish_album
from tasks.pool import WorkerPool
from tasks.wrappers import WorkTasks

SHARDS_PER_WORKER = 2


class PrefectExecutor:
    """Carries work out as Prefect tasks; what is finished is looked up and never becomes a task."""

    def __init__(self, house: House, work: WorkTasks, progress: Progress, shard_size: int) -> None:
        self._house = house
        self._work = work
        self._progress = progress
        self._shard_size = shard_size

    async def render(self, song: PlannedSong) -> None:
        """See :class:`flows.line.Executor`."""
        await asyncio.gather(*(self._shard(song, shard) for shard in self._shards(song)))

    async def step(self, request: StepRequest, sentence: str) -> StepResult:
        """See :class:`flows.line.Executor`."""
        if found := step_result(self._house.database, request.key):
            return found
        self._house.ledger.declare_steps([request])
        await self._work.steps[request.kind](request.key, sentence)
        found = step_result(self._house.database, request.key)
        if found is None:
            raise WorkError(f"{sentence} ended without a result", remedy="Run the same command again")
        return found

    def _shards(self, song: PlannedSong) -> list[Sequence[Candidate]]:
        size = self._shard_size
        return [song.candidates[i : i + size] for i in range(0, len(song.candidates), size)]

    async def _shard(self, song: PlannedSong, shard: Sequence[Candidate]) -> None:
        keys = [candidate.render_key for candidate in shard]
        standings = self._house.ledger.standings("render", keys)
        missing = [c for c in shard if standings[c.render_key].state not in ("rendered", "failed")]
        if missing:
            seeds = ", ".join(str(candidate.seed) for candidate in missing)
            sentence = f"render · {song.song.title} · seed{'s' if len(missing) > 1 else ''} {seeds}"
            await self._work.render([c.render_key for c in missing], sentence)
            standings = self._house.ledger.standings("render", keys)
        self._progress.note(song.song.id, rendered=sum(s.finished for s in standings.values()))


@flow(name="produce-album", flow_run_name="produce · {album_id}", persist_result=False)
async def produce_album(album_id: str, manifest_digest: str, until: str = "release") -> str:
    """Make the album that the current :class:`flows.running.Run` holds; gives the release's key or a sentence."""
    run = current()
    candidates = sum(len(song.candidates) for song in run.planned.songs)
    workers = run.house.settings.worker_count
    shard_size = max(1, candidates // (workers * SHARDS_PER_WORKER * len(run.planned.songs)))
    executor = PrefectExecutor(run.house, WorkTasks(run.pool), run.progress, shard_size)
    async with ProgressArtifact(run.progress, description=run.planned.album.title):
        run.produced = await Line(run.house, run.planned, executor, run.progress).run(until)
    await publish_album(run.house, album_id, run.produced)
    if run.produced.failures:
        raise WorkError(f"{len(run.produced.failures)} songs failed", remedy="See the report for each song's reason")
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
