"""Marks the task runs of cancelled flow runs as cancelled, instead of crashed or running for ever.

A worker that cancels a flow run ends its process. Prefect then records its tasks as crashed or, where the process had
no time to report, leaves their states unchanged.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from prefect import Flow, State
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled

from flows.server.client import server_client
from flows.server.deploy import TAG

PAGE = 200
ENDED_BY_THEMSELVES = (StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED)
"""States in which a task run had ended before its flow run was cancelled."""


def end_tasks(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Hook of a cancelled flow, called by the worker once the process has ended."""
    with server_client() as client:
        _end(client, FlowRunFilter(id=FlowRunFilterId(any_=[flow_run.id])))


def end_tasks_of_cancelled_runs(client: SyncPrefectClient) -> int:
    """Do the same for all cancelled flow runs of Songline, as a worker may have died before its hook; returns the
    count of task runs."""
    state_filter = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CANCELLED]))
    return _end(client, FlowRunFilter(tags=FlowRunFilterTags(all_=[TAG]), state=state_filter))


def _end(client: SyncPrefectClient, of_runs: FlowRunFilter) -> int:
    task_filter = TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=_open_states())))
    known_ids: set[UUID] = set()
    while task_runs := client.read_task_runs(flow_run_filter=of_runs, task_run_filter=task_filter, limit=PAGE):
        new_ids = [run.id for run in task_runs if run.id not in known_ids]
        for run_id in new_ids:
            _cancel(client, run_id)
        known_ids.update(new_ids)
        if not new_ids:  # the server did not accept the new states
            break
    return len(known_ids)


def _open_states() -> list[StateType]:
    return [state for state in StateType if state not in ENDED_BY_THEMSELVES]


def _cancel(client: SyncPrefectClient, run_id: UUID) -> None:
    try:
        client.set_task_run_state(run_id, Cancelled(message="The album was cancelled."), force=True)
    except ObjectNotFound:
        return  # the records of the run have been removed in the meantime
