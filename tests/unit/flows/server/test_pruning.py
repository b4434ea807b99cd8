"""Removing Prefect's records of runs that ended long ago, on a real server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

HOUR = timedelta(hours=1)


def quiet():
    """A flow that says nothing."""


@pytest.fixture
def client(prefect_server):
    from flows.server.client import server_client

    with prefect_server.here(), server_client() as found:
        yield found


@pytest.fixture
def runs(client, settings):
    """Runs that end now, by what they are; what other tests left on this server is pruned before."""
    from prefect import flow
    from prefect.client.schemas.actions import ArtifactCreate
    from prefect.states import Cancelled, Completed, Failed, Running

    from flows.server.pruning import prune_runs

    prune_runs(settings, client, now=datetime.now(UTC) + 365 * 24 * HOUR)

    def made(state, *tags):
        return client.create_flow_run(flow(quiet), state=state, tags=tags).id

    runs = {
        "done": made(Completed(), "songline", "album"),
        "failed": made(Failed(), "songline", "render"),
        "running": made(Running(), "songline", "album"),
        "theirs": made(Completed(), "else"),
        "upkeep": made(Completed(), "songline", "upkeep"),
        "skipped": made(Cancelled(), "songline", "upkeep"),
        "broken": made(Failed(), "songline", "upkeep"),
    }
    client.create_artifact(ArtifactCreate(key="progress", type="markdown", data="x", flow_run_id=runs["done"]))
    yield runs
    for run in _left(client, runs):
        client.delete_flow_run(runs[run])


def _left(client, runs):
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    wanted = FlowRunFilter(id=FlowRunFilterId(any_=list(runs.values())))
    there = {run.id for run in client.read_flow_runs(flow_run_filter=wanted)}
    return {name for name, run in runs.items() if run in there}


def artifacts_of(client, run):
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

    return client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run])))


def test_what_ended_long_ago_goes_with_its_artifacts(client, runs, settings) -> None:
    from flows.server.pruning import prune_runs

    month = settings.model_copy(update={"run_history_days": 30})
    now = datetime.now(UTC)

    assert prune_runs(month, client, now=now + 23 * HOUR) == 0
    assert _left(client, runs) == set(runs)
    assert prune_runs(month, client, now=now + 25 * HOUR) == 2
    assert _left(client, runs) == set(runs) - {"upkeep", "skipped"}
    assert len(artifacts_of(client, runs["done"])) == 1

    assert prune_runs(month, client, now=now + 31 * 24 * HOUR, limit=2) == 2
    assert prune_runs(month, client, now=now + 31 * 24 * HOUR, limit=2) == 1
    assert prune_runs(month, client, now=now + 31 * 24 * HOUR) == 0
    assert _left(client, runs) == {"running", "theirs"}
    assert artifacts_of(client, runs["done"]) == []


def test_a_short_history_holds_for_upkeep_too(client, runs, settings) -> None:
    from flows.server.pruning import prune_runs

    half_a_day = settings.model_copy(update={"run_history_days": 0.5})
    assert prune_runs(half_a_day, client, now=datetime.now(UTC) + 13 * HOUR) == 5
    assert _left(client, runs) == {"running", "theirs"}
