"""Productions under Prefect's local API, and what that API tells of them afterwards, as one JSON document.

A process of its own (``python -m tests.integration.prefect_records FOLDER``), because Prefect is imported and pointed
at the API once in a process's life, and warns of things that are not ours.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import deque
from pathlib import Path
from typing import Any

import psutil

from catalog.catalog import Catalog, open_catalog
from catalog.common.errors import LeaseLost, SonglineError, TransientError, WorkError
from catalog.common.settings import Settings
from catalog.ledger.work import WorkStatus
from flows.embedded.api import local_api
from flows.pipeline.progress import Progress
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tests.support.albums import album_document, write_album

TITLE = "Rain <b>*loud*</b> | [x](y) # `z`"


class MoodyPool:
    """A worker pool whose steps do what is next in their queue: an error is raised, a standing given."""

    workers = 1

    def __init__(self, **moods: list[SonglineError | WorkStatus]) -> None:
        self.moods = {key: deque(mood) for key, mood in moods.items()}

    async def run_step(
        self, key: str, flow_run_id: str | None, task_run_id: str | None, *, on_device: bool
    ) -> WorkStatus:
        mood = self.moods[key].popleft()
        if isinstance(mood, SonglineError):
            raise mood
        return mood


def trouble() -> MoodyPool:
    return MoodyPool(
        transient=[TransientError("out of memory"), WorkStatus("done")],
        lost=[LeaseLost("somebody else has it"), WorkStatus("done")],
        permanent=[WorkError("these lyrics cannot be sung"), WorkStatus("done")],
        leased=[WorkStatus("leased", 0.01), WorkStatus("planned", 0.01), WorkStatus("done")],
    )


def documents() -> dict[str, dict[str, object]]:
    """An album of a hostile title, and one of which a song passes no gate."""
    good, gated = album_document(), album_document(selection={"gates": {"tempo_bpm": {"min": 119, "max": 121}}})
    for document in (good, gated):
        document["songs"][0]["title"] = TITLE
    good["album"]["title"] = f"Weather {TITLE}"
    gated["album"] = {"id": "gated", "title": "Gated", "artist": "Ada Vale"}
    return {"small": good, "gated": gated}


def make(catalog: Catalog, folder: Path, name: str, document: dict[str, object]) -> dict[str, Any]:
    from flows.produce_locally import produce_locally

    planned = declare_album(catalog, read_album(write_album(folder / name, document), catalog.settings))
    progress = Progress(planned.songs)
    made = produce_locally(catalog, planned, progress, "release")
    failures = {song: str(error) for song, error in made.failures.items()}
    return {"release": made.release_key, "failures": failures, "share": progress.share, "digest": planned.digest}


def moody() -> dict[str, str]:
    from prefect import flow

    from tasks.prefect_tasks import PrefectTasks

    pool = trouble()

    @flow(name="moody", flow_run_name="moody", persist_result=False)
    async def run() -> str:
        steps = PrefectTasks(pool).steps["score"]
        outcomes = await asyncio.gather(*(steps(key, key) for key in pool.moods), return_exceptions=True)
        return json.dumps([str(outcome) for outcome in outcomes])

    outcomes = json.loads(asyncio.run(run()))
    return dict(zip(pool.moods, outcomes, strict=True))


async def told() -> dict[str, Any]:
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        flows = await client.read_flow_runs()
        tasks = await client.read_task_runs(limit=200)
        artifacts = await client.read_artifacts(limit=200)
    names = {str(run.id): run.name for run in flows}
    return {
        "flows": [{"name": run.name, "state": run.state_name, "parameters": run.parameters} for run in flows],
        "tasks": [
            {"flow": names[str(run.flow_run_id)], "name": run.name, "state": run.state_name, "runs": run.run_count}
            for run in tasks
        ],
        "artifacts": [
            {
                "flow": names[str(artifact.flow_run_id)],
                "key": artifact.key,
                "type": artifact.type,
                "data": json.loads(artifact.data) if artifact.type == "table" else artifact.data,
                "description": artifact.description,
            }
            for artifact in artifacts
        ],
    }


def main(folder: Path) -> None:
    settings = Settings(home=folder / "home", workers=2)
    with open_catalog(settings) as catalog, local_api(settings.prefect_path):
        made = {name: make(catalog, folder, name, document) for name, document in documents().items()}
        outcomes = moody()
        found = asyncio.run(told())
    servers = [p for p in psutil.Process().children(recursive=True) if "flows.embedded.process" in p.cmdline()]
    json.dump({"made": made, "moody": outcomes, "servers_left": len(servers), **found}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
