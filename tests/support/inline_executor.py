"""Makes a planned album in this process, without Prefect."""

from __future__ import annotations

import asyncio

from catalog.catalog import Catalog
from catalog.ledger.results import StepResult, step_result
from catalog.ledger.work import ExecutionEnvironment, StepRequest
from catalog.plan.plan import PlannedAlbum, PlannedSong
from flows.pipeline.pipeline import AlbumPipeline, PipelineResult
from flows.pipeline.progress import Progress
from tasks.rendering.render_shard import render_shard
from tasks.steps.run_step import run_step

HERE = ExecutionEnvironment("test", {}, "cpu")


class InlineExecutor:
    """Does the work in this process, one item after the other, and records it."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.rendered: list[str] = []
        self.steps: list[str] = []

    async def render(self, song: PlannedSong) -> None:
        keys = [c.render_key for c in song.candidates]
        statuses = self.catalog.ledger.statuses("render", keys)
        missing = [key for key in keys if statuses[key].state == "planned"]
        self.rendered += missing
        while missing:
            after = render_shard(self.catalog, missing, HERE)
            missing = [key for key in missing if after[key].state == "planned"]

    async def step(self, request: StepRequest, sentence: str) -> StepResult:
        found = step_result(self.catalog.database, request.key)
        if found is None:
            self.steps.append(sentence)
            self.catalog.ledger.declare_steps([request])
            run_step(self.catalog, request.key, HERE)
            found = step_result(self.catalog.database, request.key)
        assert found is not None
        return found


def produce(catalog: Catalog, planned: PlannedAlbum, until: str = "release") -> tuple[PipelineResult, InlineExecutor]:
    """Make an album in this process, without Prefect."""
    executor = InlineExecutor(catalog)
    produced = asyncio.run(AlbumPipeline(catalog, planned, executor, Progress(planned.songs)).run(until))
    return produced, executor
