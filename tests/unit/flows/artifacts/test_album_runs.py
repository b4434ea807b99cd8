"""The pages of an album and the tasks of a cancelled one, on a real server."""

from __future__ import annotations

import asyncio
import re
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from flows.pipeline.progress import Progress, SongProgress

ALBUM = "night-bus"


def work():
    """A flow that says nothing."""


@pytest.fixture
def client(prefect_server):
    from flows.server.client import server_client

    with prefect_server.here(), server_client() as found:
        yield found


@pytest.fixture
def run(client):
    """A function that makes a flow run."""
    from prefect import flow
    from prefect.states import Running

    made = []

    def begin(*tags, name=None, state=None):
        found = client.create_flow_run(flow(work), state=state or Running(), tags=tags, name=name)
        made.append(found.id)
        return found

    yield begin
    for run_id in made:
        client.delete_flow_run(run_id)


def pages(client, **wanted):
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

    return client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[wanted["key"]])))


@pytest.fixture
def inside(run, monkeypatch: pytest.MonkeyPatch):
    """A function that has the pages think that they are in this flow run. A flow that really runs in the tests' process
    would leave connections behind."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import ArtifactCreate

    from flows.artifacts import artifacts

    def enter(found):
        async def create(data, *, key, description):
            wanted = ArtifactCreate(key=key, type="x", data=data, description=description, flow_run_id=found.id)
            async with get_client() as asking:
                return await asking.create_artifact(wanted)

        monkeypatch.setattr(artifacts, "flow_run", SimpleNamespace(id=str(found.id)))
        monkeypatch.setattr(artifacts, "acreate_progress_artifact", create)
        monkeypatch.setattr(artifacts, "acreate_markdown_artifact", create)

    return enter


def test_an_album_has_one_progress_page_however_many_runs_make_it(client, run, inside) -> None:
    from flows.artifacts.artifacts import ProgressArtifact

    async def follow():
        progress = Progress([])
        progress.songs = {"one": SongProgress("One", 1, rendered=1, scored=1)}
        async with ProgressArtifact(progress, album_id="Night Bus", description="Night Bus"):
            (status,) = pages(client, key="progress-night-bus")
        (page,) = pages(client, key="progress-night-bus")
        assert (page.id, page.data) == (status.id, 25.0)
        return page.id, page.flow_run_id

    first, second = run(), run()
    seen = []
    for flow_run in (first, first, second):  # the first one is retried
        inside(flow_run)
        seen.append(asyncio.run(follow()))
    assert [flow_run for _, flow_run in seen] == [first.id, first.id, second.id]
    assert seen[0] == seen[1]


def test_a_run_that_is_retried_goes_on_with_its_pages(client, run, inside) -> None:
    from flows.artifacts.artifacts import ArtifactWriter

    async def show(text):
        await ArtifactWriter(ALBUM).show("songs", text, description="Songs")

    first, second = run(), run()
    for flow_run, text in ((first, "one"), (first, "two"), (second, "three")):
        inside(flow_run)
        asyncio.run(show(text))
    assert sorted(page.data for page in pages(client, key="songs-night-bus")) == ["three", "two"]


def test_the_runs_of_an_album_are_linked(client, run, prefect_server) -> None:
    from prefect.settings import temporary_settings
    from prefect.states import Completed

    from flows.artifacts.album_runs import runs_of_album, runs_page

    album = f"album:{uuid4()}"
    render = run(album, "songline", "render", name="2 takes | [x](y)")
    finish = run(album, "songline", "finish", name="release · One", state=Completed())
    run(album, "songline", "album")
    run("album:another", "songline", "render")
    with temporary_settings({"ui_url": "https://prefect.studio.test"}):
        text = runs_page("Night Bus", asyncio.run(runs_of_album(album[6:])), album_id=album[6:])
    address = "https://prefect.studio.test/runs/flow-run"
    assert set(re.findall(r"\]\((http\S+)\)", text)) == {f"{address}/{render.id}", f"{address}/{finish.id}"}
    assert f"| [render]({address}/{render.id}) | running | – | 2 takes \\| \\[x\\](y) |" in text
    assert f"| [finish]({address}/{finish.id}) | completed |" in text


def test_tasks_of_a_cancelled_run_end_as_cancelled_and_others_are_left_alone(client, run) -> None:
    from prefect import task
    from prefect.states import Cancelled, Completed, Crashed, Failed, Pending, Running

    from flows.runtime.cancelled_tasks import end_tasks, end_tasks_of_cancelled_runs

    states: tuple[Any, ...] = (Running(), Pending(), Crashed(), Completed(), Failed())
    left = ["CANCELLED"] * 3 + ["COMPLETED", "FAILED"]
    untouched = [str(state.type.value) for state in states]

    def with_tasks(flow_run):
        return [
            client.create_task_run(task(work), flow_run.id, dynamic_key=str(at), state=state).id
            for at, state in enumerate(states)
        ]

    def types(tasks):
        return [str(client.read_task_run(each).state.type.value) for each in tasks]

    mine, others = run("songline"), run("songline")
    tasks, kept = with_tasks(mine), with_tasks(others)
    assert types(tasks) == untouched
    end_tasks(None, mine, None)
    assert types(tasks) == left

    lost, theirs = run("songline", state=Cancelled()), run("else", state=Cancelled())
    tasks, not_ours = with_tasks(lost), with_tasks(theirs)
    assert end_tasks_of_cancelled_runs(client) == 3
    assert end_tasks_of_cancelled_runs(client) == 0
    assert types(tasks) == left
    assert types(kept) == types(not_ours) == untouched


def test_every_flow_that_makes_an_album_ends_its_tasks() -> None:
    from flows.finish_song import finish_song
    from flows.produce_album import produce_album_on_farm
    from flows.render_shard import render_shard
    from flows.runtime.cancelled_tasks import end_tasks

    for each in (produce_album_on_farm, render_shard, finish_song):
        assert end_tasks in each.on_cancellation_hooks
