"""A worker for Songline's work pools: it runs Songline's own flows, and no command or code from the Prefect server.

Prefect's process worker runs any command, environment, pull step or entrypoint that its server names, so whoever can
write to the server runs code on every worker. This worker takes from the server only which of Songline's flows to run,
and its parameters; command, code, environment and folder are its own.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Mapping
from typing import Any

import anyio
import anyio.abc
from prefect import Flow
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound
from prefect.flows import load_flow_from_entrypoint
from prefect.runner._flow_run_executor import FlowRunExecutionResult, FlowRunExecutorContext
from prefect.runner._process_manager import ProcessHandle
from prefect.runner._starter_engine import EngineCommandStarter
from prefect.settings import get_current_settings
from prefect.utilities.processutils import setup_signal_handlers_worker
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult

from catalog.common.errors import InputError, RefusedError
from catalog.files.permissions import users_mask
from flows.runtime.deployed import ENTRYPOINTS
from flows.server.client import server_client

ENGINE = (sys.executable, "-P", "-m", "flows.runtime.run_deployed")
HEARTBEAT = "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"
ATTRIBUTION = ("PREFECT__WORKER_ID", "PREFECT__WORKER_NAME", "PREFECT__FLOW_ID", "PREFECT__DEPLOYMENT_ID")
"""Variables that identify a run's origin in Prefect's requests to the server."""


class FlowWorker(ProcessWorker):
    """Runs each flow run in a process of its own, which ends with the worker."""

    type = "songline"

    async def run(
        self,
        flow_run: FlowRun,
        configuration: ProcessJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> ProcessWorkerResult:
        """Run one of :data:`flows.runtime.deployed.ENTRYPOINTS`. Raises RefusedError where the run's flow is
        another."""
        entrypoint = await self._entrypoint(flow_run)

        async def known_flow(_: FlowRun) -> Flow[..., Any]:
            return load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)

        execution: FlowRunExecutionResult | None = None
        async with FlowRunExecutorContext() as context:
            starter = EngineCommandStarter(
                entrypoint=entrypoint,
                command=shlex.join([*ENGINE, str(os.getpid()), f"{users_mask():o}"]),
                cwd=get_current_settings().home,
                env={**environment_of(configuration.env)},
                stream_output=True,
                control_channel=context.control_channel,
            )
            executor = context.create_executor(flow_run, starter, resolve_flow=known_flow, propose_submitting=False)

            async def execute(*, task_status: anyio.abc.TaskStatus[ProcessHandle]) -> None:
                nonlocal execution
                execution = await executor.submit(task_status=task_status)

            async with anyio.create_task_group() as group:
                handle = await group.start(execute)
                if task_status is not None and handle.pid is not None:
                    task_status.started(handle.pid)
        if execution is None or execution.status_code is None:
            raise RuntimeError("the process of the flow run did not start")
        return ProcessWorkerResult(status_code=execution.status_code, identifier=str(execution.handle.pid))

    async def _entrypoint(self, flow_run: FlowRun) -> str:
        flow = await self.client.read_flow(flow_run.flow_id)
        entrypoint = ENTRYPOINTS.get(flow.name)
        if entrypoint is None:
            raise RefusedError(
                f"this worker runs Songline's flows only, and {flow.name!r} is none of them",
                remedy="Give other flows a work pool and a worker of their own",
            )
        return entrypoint


FlowWorker.type = "process"  # the type of the pools it serves; it cannot be registered by this name, which is Prefect's


def _check(pool: str) -> None:
    """Check that the pool exists before anything is started: Prefect's own worker would start a server of its own."""
    with server_client() as client:
        try:
            client.read_work_pool(pool)
        except ObjectNotFound as error:
            remedy = "`songline deploy` makes the pools cpu and gpu; name one of those, or make it in Prefect"
            raise InputError(f"the Prefect server has no work pool {pool!r}", remedy=remedy) from error


def environment_of(variables: Mapping[str, str | None]) -> dict[str, str]:
    """The variables that a flow run takes from the server's environment: the run's origin and the heartbeat
    interval."""
    environment = {name: value for name in ATTRIBUTION if (value := variables.get(name))}
    if (interval := variables.get(HEARTBEAT)) and interval.isdecimal():
        environment[HEARTBEAT] = interval
    return environment


def serve(pool: str, *, name: str | None, limit: int | None, with_healthcheck: bool) -> None:
    """Take flow runs of a pool until this process is terminated.

    Raises MachineError where no server is configured or reachable, and InputError where it has no such pool.
    """
    _check(pool)
    get_current_settings().home.mkdir(mode=0o700, parents=True, exist_ok=True)
    setup_signal_handlers_worker(os.getpid(), "the worker", print)
    heartbeat_s = int(get_current_settings().worker.heartbeat_seconds)
    worker = FlowWorker(
        pool, name=name, limit=limit, heartbeat_interval_seconds=heartbeat_s, create_pool_if_not_found=False
    )
    asyncio.run(worker.start(with_healthcheck=with_healthcheck))
