"""The flow that makes an album: the production line, carried out by Prefect tasks on this machine's workers."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Sequence

import httpx
from prefect import flow
from prefect.exceptions import PrefectException, TerminationSignal

from catalog.albums import PlannedAlbum, PlannedSong
from catalog.errors import MachineError, WorkError
from catalog.house import House
from catalog.queries import StepResult, step_result
from catalog.work import StepRequest
from flows.line import Line, Produced
from flows.progress import Progress
from flows.running import Run, current, running
from flows.shards import Shard, shards_of
from flows.ui import ProgressArtifact, publish_album
from tasks.pool import WorkerPool
from tasks.wrappers import WorkTasks

TELL_EVERY_S = 2.0


class PrefectExecutor:
    """Carries work out as Prefect tasks; what is finished is looked up and never becomes a task."""

    def __init__(self, house: House, work: WorkTasks, progress: Progress, shards: Sequence[Shard]) -> None:
        self._house = house
        self._work = work
        self._progress = progress
        self._shards = shards
        self._started: dict[int, asyncio.Task[None]] = {}
        # One shard at a time, so that judges of what is in are not kept waiting behind all the others.
        self._device_turn = asyncio.Lock()

    async def render(self, song: PlannedSong) -> None:
        """See :class:`flows.line.Executor`. A shard that several songs share is made once, when the first asks."""
        mine = [(at, shard) for at, shard in enumerate(self._shards) if song.song.id in shard.candidates]
        for at, shard in mine:
            if at not in self._started:
                self._started[at] = asyncio.create_task(self._make(shard))
        await asyncio.gather(*(self._started[at] for at, _ in mine))

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

    async def _make(self, shard: Shard) -> None:
        """Render what is missing of a shard, telling of each candidate as it comes in."""
        if shard.on_device:
            async with self._device_turn:
                await self._make_now(shard)
        else:
            await self._make_now(shard)

    async def _make_now(self, shard: Shard) -> None:
        told: Counter[str] = Counter()
        missing = self._tell(shard, told)
        if not missing:
            return
        work = asyncio.ensure_future(self._work.render(shard.keys(missing), shard.sentence(missing), shard.on_device))
        try:
            while not (await asyncio.wait({work}, timeout=TELL_EVERY_S))[0]:
                self._tell(shard, told)
            await work
        finally:
            work.cancel()
            self._tell(shard, told)

    def _tell(self, shard: Shard, told: Counter[str]) -> list[str]:
        """Note what was rendered since the last time; gives the keys that are still to be made."""
        keys = [c.render_key for offered in shard.candidates.values() for c in offered]
        standings = self._house.ledger.standings("render", keys)
        for song_id, offered in shard.candidates.items():
            rendered = sum(standings[c.render_key].finished for c in offered)
            if rendered > told[song_id]:
                self._progress.note(song_id, rendered=rendered - told[song_id])
                told[song_id] = rendered
        return [key for key in keys if standings[key].state not in ("rendered", "failed")]


@flow(name="produce-album", flow_run_name="produce · {album_id}", persist_result=False)
async def produce_album(album_id: str, manifest_digest: str, until: str = "release") -> str:
    """Make the album that the current :class:`flows.running.Run` holds; gives the release's key or a sentence."""
    run = current()
    shards = shards_of(run.planned, run.house.settings)
    executor = PrefectExecutor(run.house, WorkTasks(run.pool), run.progress, shards)
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
