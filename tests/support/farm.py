"""A farm in one process: accepts runs from a dispatcher, and does, loses or delays them as the test demands."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from catalog.catalog import Catalog
from catalog.ledger.submissions import shard_of
from catalog.plan.storage import part_of, stored_plan
from flows.orchestration.parameters import RunParameters, ShardParameters, SongParameters
from flows.orchestration.run_launcher import RunState, RunStatus
from flows.pipeline.pipeline import AlbumPipeline
from flows.pipeline.progress import Progress
from tests.support.inline_executor import InlineExecutor


@dataclass(slots=True)
class FakeRun:
    """One run that was started."""

    id: str
    flow: str
    work: RunParameters
    name: str
    queue: str
    key: str
    state: RunState = "waiting"
    for_s: float = 0.0


class FakeFarm:
    """A fake :class:`flows.orchestration.run_launcher.RunLauncher`."""

    def __init__(self) -> None:
        self.runs: dict[str, FakeRun] = {}
        self.rendered: list[str] = []
        self.steps: list[str] = []
        self.given_up: list[str] = []
        self.withdrawn: list[str] = []
        self.is_reconcile_active = False

    def start(self, flow: str, work: RunParameters, *, name: str, queue: str, key: str, album: str) -> str:
        known = next((run for run in self.runs.values() if run.key == key), None)
        made = known or FakeRun(f"run-{len(self.runs) + 1}", flow, work, name, queue, key)
        self.runs[made.id] = made
        return made.id

    def statuses(self, run_ids: Collection[str]) -> dict[str, RunStatus]:
        found = (self.runs[run_id] for run_id in run_ids if run_id in self.runs)
        return {run.id: RunStatus(run.state, run.for_s, run.queue) for run in found}

    def mark_crashed(self, run_id: str, reason: str) -> None:
        self.given_up.append(run_id)
        self.runs[run_id].state = "ended"

    def cancel_scheduled(self, run_id: str, reason: str) -> None:
        self.withdrawn.append(run_id)
        self.runs[run_id].state = "ended"

    def cancel_all(self, album: str) -> int:
        open_runs = list(self.open())
        for run in open_runs:
            run.state = "ended"
        return len(open_runs)

    def switch_reconcile(self, is_active: bool) -> None:
        self.is_reconcile_active = is_active

    def open(self, flow: str | None = None) -> Iterator[FakeRun]:
        """The runs that have not ended, of one flow or of all."""
        return (run for run in self.runs.values() if run.state != "ended" and flow in (None, run.flow))

    def lose(self, flow: str) -> int:
        """End all open runs of a flow without any work done; returns their count."""
        lost = list(self.open(flow))
        for run in lost:
            run.state = "ended"
        return len(lost)

    def work_off(self, catalog: Catalog, *, flow: str | None = None, most: int = 100) -> None:
        """Do the work of the open runs in this process."""
        for run in list(self.open(flow))[:most]:
            self._do(catalog, run)
            run.state = "ended"

    def renders_of(self, catalog: Catalog, run: FakeRun) -> list[str]:
        """The render keys that a run of renders was given, in order."""
        assert isinstance(run.work, ShardParameters)
        shard = shard_of(catalog.database, run.work.shard)
        assert shard is not None
        return sorted(shard.render_keys)

    def _do(self, catalog: Catalog, run: FakeRun) -> None:
        work = run.work
        assert isinstance(work, ShardParameters | SongParameters)
        planned = stored_plan(catalog.database, work.album)
        if isinstance(work, ShardParameters):
            part, until = part_of(planned, renders=self.renders_of(catalog, run)), "score"
        else:
            part, until = part_of(planned, songs=work.songs), work.until
        executor = InlineExecutor(catalog)
        asyncio.run(AlbumPipeline(catalog, part, executor, Progress(part.songs)).run(until))
        self.rendered += executor.rendered
        self.steps += executor.steps
