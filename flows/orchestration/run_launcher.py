"""Starts flow runs on Prefect's work pools, reads their states and cancels them."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Literal, Protocol
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Cancelling, Crashed

from catalog.common.errors import CatalogError, MachineError
from flows.orchestration.parameters import RunParameters
from flows.server.client import open_client, translate_server_errors

PAGE = 200
POOLS = ("gpu", "cpu")
RECONCILE = "reconcile/reconcile"
STEADY = "steady"
"""Slug in ``infra/prefect.yaml`` of the schedule of `reconcile` that is active while an album is active."""
RunState = Literal["waiting", "starting", "running", "ended"]
ENDED = {StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED}
STATES: Mapping[StateType, RunState] = {
    StateType.SCHEDULED: "waiting",
    StateType.PAUSED: "waiting",
    StateType.PENDING: "starting",
    **dict.fromkeys(ENDED, "ended"),
}


@dataclass(frozen=True, slots=True)
class RunStatus:
    """State of a flow run, the seconds it has been in it, and the queue in which it waits."""

    state: RunState
    for_s: float
    queue: str = ""


@dataclass(frozen=True, slots=True)
class PoolWorkers:
    """Number of online workers of a work pool."""

    pool: str
    online: int


class RunLauncher(Protocol):
    """Starts, reads and cancels flow runs."""

    def start(self, flow: str, work: RunParameters, *, name: str, queue: str, key: str, album: str) -> str:
        """Start a run of a deployed flow and return its id. The same ``key`` returns the same run, for every caller."""

    def statuses(self, run_ids: Collection[str]) -> dict[str, RunStatus]:
        """The status of each of these runs. A run that Prefect no longer knows is left out."""

    def mark_crashed(self, run_id: str, reason: str) -> None:
        """Mark a run as crashed whose process no longer responds."""

    def cancel_scheduled(self, run_id: str, reason: str) -> None:
        """Cancel a run that has not started."""

    def cancel_all(self, album: str) -> int:
        """Cancel every run of an album that has not ended; returns their count."""

    def switch_reconcile(self, is_active: bool) -> None:
        """Switch the 30 s schedule of `reconcile`, which active albums need, on or off. Idempotent."""


class PrefectRunLauncher:
    """The work pools of the Prefect server at PREFECT_API_URL. Raises MachineError where it cannot be reached."""

    @cached_property
    def _client(self) -> SyncPrefectClient:
        return open_client()

    def start(self, flow: str, work: RunParameters, *, name: str, queue: str, key: str, album: str) -> str:
        """See :class:`RunLauncher`."""
        with translate_server_errors():
            run = self._client.create_flow_run_from_deployment(
                self._deployment(flow),
                parameters={"work": work.model_dump(mode="json")},
                name=name[:200],
                tags=[f"album:{album}"],
                idempotency_key=key,
                work_queue_name=queue,
            )
        return str(run.id)

    def _deployment(self, flow: str) -> UUID:
        try:
            return self._client.read_deployment_by_name(f"{flow}/{flow}").id
        except ObjectNotFound as error:
            raise MachineError(
                f"the Prefect server has no deployment {flow}/{flow}", remedy="Run `songline deploy` once"
            ) from error

    def statuses(self, run_ids: Collection[str]) -> dict[str, RunStatus]:
        """See :class:`RunLauncher`."""
        statuses: dict[str, RunStatus] = {}
        remaining_ids = iter(run_ids)
        with translate_server_errors():
            while batch := [_id_of(run_id) for run_id in islice(remaining_ids, PAGE)]:
                runs = self._client.read_flow_runs(
                    flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=batch)), limit=PAGE
                )
                statuses |= {str(run.id): _status(run) for run in runs}
        return statuses

    def workers(self) -> list[PoolWorkers]:
        """The number of workers of Songline's pools with a recent heartbeat."""
        return [PoolWorkers(pool, self._online(pool)) for pool in POOLS]

    def _online(self, pool: str) -> int:
        with translate_server_errors():
            response = self._client.request(
                "POST", "/work_pools/{work_pool_name}/workers/filter", path_params={"work_pool_name": pool}
            )
        return sum(worker["status"] == "ONLINE" for worker in response.json())

    def mark_crashed(self, run_id: str, reason: str) -> None:
        """See :class:`RunLauncher`."""
        with translate_server_errors():
            self._client.set_flow_run_state(_id_of(run_id), Crashed(message=reason), force=True)

    def cancel_scheduled(self, run_id: str, reason: str) -> None:
        """See :class:`RunLauncher`."""
        with translate_server_errors():
            self._client.set_flow_run_state(_id_of(run_id), Cancelled(message=reason))

    def cancel_all(self, album: str) -> int:
        """See :class:`RunLauncher`."""
        open_runs = FlowRunFilter(
            tags=FlowRunFilterTags(all_=[f"album:{album}"]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(not_any_=[*ENDED, StateType.CANCELLING])),
        )
        with translate_server_errors():
            runs: list[FlowRun] = []
            while batch := self._client.read_flow_runs(flow_run_filter=open_runs, limit=PAGE, offset=len(runs)):
                runs += batch
            for run in runs:
                # A run that a worker has started is stopped by that worker; a scheduled one is cancelled here.
                is_scheduled = run.state is None or run.state.type == StateType.SCHEDULED
                self._client.set_flow_run_state(
                    run.id, Cancelled() if is_scheduled else Cancelling(), force=is_scheduled
                )
        return len(runs)

    def switch_reconcile(self, is_active: bool) -> None:
        """See :class:`RunLauncher`. Does nothing where the deployment or its schedule does not exist."""
        with translate_server_errors(), suppress(ObjectNotFound):
            deployment = self._client.read_deployment_by_name(RECONCILE)
            for schedule in deployment.schedules:
                if schedule.slug == STEADY and schedule.active != is_active:
                    self._client.update_deployment_schedule(deployment.id, schedule.id, active=is_active)


def _id_of(run_id: str) -> UUID:
    """The flow run id from a row as a UUID. Raises CatalogError where it is not one."""
    try:
        return UUID(run_id)
    except ValueError as error:
        raise CatalogError(
            f"the catalog names the flow run {run_id[:40]!r}, which is no id", remedy="Submit the album again"
        ) from error


def _status(run: FlowRun) -> RunStatus:
    queue = run.work_queue_name or ""
    if run.state is None:
        return RunStatus("waiting", 0.0, queue)
    for_s = max(0.0, time.time() - run.state.timestamp.timestamp())
    return RunStatus(STATES.get(run.state.type, "running"), for_s, queue)
