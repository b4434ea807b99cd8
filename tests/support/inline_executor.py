"""Makes a planned album in this process, without Prefect."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from catalog.catalog import Catalog
from catalog.ledger.results import StepResult, step_results
from catalog.ledger.work import ExecutionEnvironment, StepRequest
from catalog.plan.plan import PlannedAlbum, PlannedSong
from flows.pipeline.dataloader import DataLoader
from flows.pipeline.executor import NamedStep
from flows.pipeline.pipeline import AlbumPipeline, PipelineResult
from flows.pipeline.progress import Progress
from tasks.rendering.render_shard import render_shard
from tasks.steps.run_step import failure_of, run_step, run_steps

HERE = ExecutionEnvironment("test", {}, "cpu")


class InlineExecutor:
    """Does the work in this process, one item after the other, and records it."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.rendered: list[str] = []
        self.steps: list[str] = []
        self._statuses = DataLoader(lambda keys: catalog.ledger.statuses("render", keys))
        self._results = DataLoader(lambda keys: step_results(catalog.database, keys))

    async def render(self, song: PlannedSong) -> None:
        keys = [c.render_key for c in song.candidates]
        statuses = await self._statuses.load_many(keys)
        missing = [key for key in keys if statuses[key].state == "planned"]
        self.rendered += missing
        while missing:
            after = render_shard(self.catalog, missing, HERE)
            missing = [key for key in missing if after[key].state == "planned"]

    async def step(self, request: StepRequest, sentence: str) -> StepResult:
        found = (await self._results.load_many([request.key])).get(request.key)
        if found is None:
            self.steps.append(sentence)
            self.catalog.ledger.declare_steps([request])
            run_step(self.catalog, request.key, HERE)
            found = (await self._results.load_many([request.key])).get(request.key)
        assert found is not None
        return found

    async def batch(self, named: Sequence[NamedStep], sentence: str) -> list[StepResult | BaseException]:
        requests = {request.key: request for request, _ in named}
        found = await self._results.load_many(list(requests))
        missing = [key for key in requests if key not in found]
        if missing:
            self.steps += [name for request, name in named if request.key in missing]
            self.catalog.ledger.declare_steps([requests[key] for key in missing])
            statuses = run_steps(self.catalog, missing, HERE)
            found = {**found, **await self._results.load_many(missing)}
            failures = {key: failure_of(status, key) for key, status in statuses.items() if not status.finished}
            return [found.get(key) or failures[key] for key in requests]
        return [found[key] for key in requests]


def produce(catalog: Catalog, planned: PlannedAlbum, until: str = "release") -> tuple[PipelineResult, InlineExecutor]:
    """Make an album in this process, without Prefect."""
    executor = InlineExecutor(catalog)
    produced = asyncio.run(AlbumPipeline(catalog, planned, executor, Progress(planned.songs)).run(until))
    return produced, executor
