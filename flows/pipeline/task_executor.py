"""Executes the pipeline with Prefect tasks: each step and each shard is a task on this machine's workers."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import httpx
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError, concurrency

from catalog.catalog import Catalog
from catalog.common.errors import WorkError
from catalog.ledger.results import StepResult, step_result, step_results
from catalog.ledger.work import StepRequest
from catalog.plan.plan import PlannedSong
from flows.pipeline.dataloader import DataLoader
from flows.pipeline.executor import NamedStep
from flows.pipeline.progress import Progress
from flows.planning.shards import RenderShard
from tasks.prefect_tasks import PrefectTasks
from tasks.steps.run_step import failure_of

RECORD_EVERY_S = 2.0


class PrefectExecutor:
    """Executes work as Prefect tasks; finished work is looked up and never becomes a task."""

    def __init__(
        self,
        catalog: Catalog,
        work: PrefectTasks,
        progress: Progress,
        shards: Sequence[RenderShard],
        *,
        limits: Mapping[str, str],
    ) -> None:
        """``limits`` names the global concurrency limit of each kind of step that has one."""
        self._limits = limits
        self._catalog = catalog
        self._work = work
        self._progress = progress
        self._shards = shards
        self._shards_of: dict[str, list[int]] = defaultdict(list)
        for index, shard in enumerate(shards):
            for song_id in shard.of_songs():
                self._shards_of[song_id].append(index)
        self._results = DataLoader(lambda keys: step_results(catalog.database, keys))
        self._started: dict[int, asyncio.Task[None]] = {}
        # One shard at a time, so that finished candidates are judged before all the other shards are rendered.
        self._device_lock = asyncio.Lock()

    async def render(self, song: PlannedSong) -> None:
        """See :class:`flows.pipeline.pipeline.Executor`. A shard of several songs is made once, at the first
        request."""
        indices = self._shards_of[song.song.id]
        for index in indices:
            if index not in self._started:
                self._started[index] = asyncio.create_task(self._render_shard(self._shards[index]))
        await asyncio.gather(*(self._started[index] for index in indices))

    async def step(self, request: StepRequest, sentence: str) -> StepResult:
        """See :class:`flows.pipeline.pipeline.Executor`."""
        if result := (await self._results.load_many([request.key])).get(request.key):
            return result
        self._catalog.ledger.declare_steps([request])
        async with self._slot(request.kind):
            await self._work.steps[request.kind](request.key, sentence)
        result = step_result(self._catalog.database, request.key)
        if result is None:
            raise WorkError(f"{sentence} ended without a result", remedy="Run the same command again")
        return result

    async def batch(self, named: Sequence[NamedStep], sentence: str) -> list[StepResult | BaseException]:
        """See :class:`flows.pipeline.pipeline.Executor`. Every worker gets a share of the steps that are missing."""
        requests = {request.key: (request, name) for request, name in named}
        results = dict(await self._results.load_many(list(requests)))
        missing = {key: requests[key] for key in requests if key not in results}
        errors: dict[str, BaseException] = {}
        if missing:
            self._catalog.ledger.declare_steps([request for request, _ in missing.values()])
            errors = await self._run_batches(missing, sentence)
            results |= step_results(self._catalog.database, list(missing))
        return [results.get(key) or errors[key] for key in requests]

    async def _run_batches(self, missing: Mapping[str, NamedStep], sentence: str) -> dict[str, BaseException]:
        """Run steps of one kind in batches; what each of them failed with, should it have no result."""
        kind = next(request.kind for request, _ in missing.values())
        keys = list(missing)
        size = self._work.batch_size(kind, len(keys))
        batches = [keys[start : start + size] for start in range(0, len(keys), size)]

        async def run(batch: Sequence[str]) -> None:
            name = missing[batch[0]][1] if len(batch) == 1 else f"{sentence} · {len(batch)} candidates"
            async with self._slot(kind):
                await self._work.batches[kind](batch, name)

        outcomes = await asyncio.gather(*(run(batch) for batch in batches), return_exceptions=True)
        errors = {
            key: outcome or WorkError(f"{sentence} ended without a result", remedy="Run the same command again")
            for batch, outcome in zip(batches, outcomes, strict=True)
            for key in batch
        }
        for key, status in self._catalog.ledger.statuses("step", keys).items():
            if status.state == "failed":
                errors[key] = failure_of(status, key)
        return errors

    async def _render_shard(self, shard: RenderShard) -> None:
        """Render the missing candidates of a shard, and record each as it is finished."""
        if shard.on_device:
            async with self._device_lock:
                await self._render_missing(shard)
        else:
            await self._render_missing(shard)

    async def _render_missing(self, shard: RenderShard) -> None:
        recorded_counts: Counter[str] = Counter()
        missing_keys = self._record_renders(shard, recorded_counts)
        if not missing_keys:
            return
        render_task = asyncio.ensure_future(
            self._work.render(missing_keys, shard.sentence_of(missing_keys), shard.on_device)
        )
        try:
            while not (await asyncio.wait({render_task}, timeout=RECORD_EVERY_S))[0]:
                self._record_renders(shard, recorded_counts)
            await render_task
        finally:
            render_task.cancel()
            self._record_renders(shard, recorded_counts)

    def _record_renders(self, shard: RenderShard, recorded_counts: Counter[str]) -> list[str]:
        """Record the renders finished since the last call; returns the keys that are still missing."""
        keys = shard.render_keys
        statuses = self._catalog.ledger.statuses("render", keys)
        for song_id, song_keys in shard.of_songs().items():
            rendered_count = sum(statuses[key].finished for key in song_keys)
            if rendered_count > recorded_counts[song_id]:
                self._progress.note(song_id, rendered=rendered_count - recorded_counts[song_id])
                recorded_counts[song_id] = rendered_count
        return [key for key in keys if statuses[key].state not in ("rendered", "failed")]

    @asynccontextmanager
    async def _slot(self, kind: str) -> AsyncIterator[None]:
        """Hold a slot of the global limit for this kind of step; no waiting where the server is away."""
        async with AsyncExitStack() as stack:
            if kind in self._limits:
                # Neither a slot that cannot be acquired nor one that cannot be renewed stops work.
                with suppress(ConcurrencySlotAcquisitionError, httpx.HTTPError):
                    slot = concurrency(self._limits[kind], raise_on_lease_renewal_failure=False)
                    await stack.enter_async_context(slot)
            yield
