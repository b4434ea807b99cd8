"""Removes Prefect's records of runs that ended long ago. The catalog keeps the history of the work for ever."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import ObjectNotFound

from catalog.common.settings import Settings
from flows.server.deploy import TAG

UPKEEP = "upkeep"
"""Tag of runs that occur every few seconds and are of no interest once they have succeeded."""
UPKEEP_DAYS = 1.0
ENDED_WELL = (StateType.COMPLETED, StateType.CANCELLED)
ENDED = (*ENDED_WELL, StateType.FAILED, StateType.CRASHED)
PAGE = 200


def prune_runs(settings: Settings, client: SyncPrefectClient, *, now: datetime, limit: int = 100) -> int:
    """Remove runs of Songline's deployments, with their artifacts and logs, that ended ``run_history_days`` before
    ``now``.

    Successful upkeep runs are removed after a day. Bounded by ``limit``, as it is called often; returns the count.
    """
    keep_days = settings.run_history_days
    ended_runs = _ended_runs(client, [TAG], ENDED, now - timedelta(days=keep_days), limit)
    remaining_count = limit - len(ended_runs)
    if remaining_count and keep_days > UPKEEP_DAYS:
        ended_runs += _ended_runs(client, [TAG, UPKEEP], ENDED_WELL, now - timedelta(days=UPKEEP_DAYS), remaining_count)
    runs = {run.id: run for run in ended_runs}
    return sum(_remove(client, run) for run in runs.values())


def _ended_runs(
    client: SyncPrefectClient, tags: list[str], states: Sequence[StateType], before: datetime, limit: int
) -> list[FlowRun]:
    run_filter = FlowRunFilter(
        tags=FlowRunFilterTags(all_=tags),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states))),
        end_time=FlowRunFilterEndTime(before_=before),
    )
    return client.read_flow_runs(flow_run_filter=run_filter, limit=limit)


def _remove(client: SyncPrefectClient, run: FlowRun) -> bool:
    """Delete a run, its artifacts first: the server does not delete them, and they could not be found without the
    run."""
    try:
        for artifact in client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id])), limit=PAGE
        ):
            client.delete_artifact(artifact.id)
        client.delete_flow_run(run.id)
    except ObjectNotFound:
        return False  # another process removes it
    return True
