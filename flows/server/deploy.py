"""``songline deploy``: brings pools, queues, limits, deployments and the crash automation to what the file declares.

Objects that are up to date are left unchanged, so deploying again changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import (
    GlobalConcurrencyLimitCreate,
    GlobalConcurrencyLimitUpdate,
    WorkPoolCreate,
    WorkPoolUpdate,
)
from prefect.client.schemas.objects import StateType, WorkPool
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from catalog.common.errors import InputError
from catalog.common.settings import Settings
from flows.server.changes import Change
from flows.server.deployment_file import DeploymentFile, Pool
from flows.server.deployments import deploy_flow, load_flow

TAG = "songline"
"""The tag of every Songline deployment, and so of every run of it."""
CRASH_AUTOMATION = "songline: silent runs have crashed"
HEARTBEAT = "prefect.flow-run.heartbeat"
SIGNS_OF_LIFE = {
    HEARTBEAT,
    *(f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Cancelled", "Crashed", "Paused", "Suspended")),
}


def deploy(client: SyncPrefectClient, file: DeploymentFile, settings: Settings) -> list[Change]:
    """Bring the server to what the file declares; returns what was made, updated or left unchanged, in order."""
    # All flows are loaded before anything is changed.
    flows = [load_flow(deployment) for deployment in file.deployments]
    try:
        return list(_deploy_objects(client, file, flows, settings))
    except ObjectAlreadyExists:  # another process deploys at the same time: its objects are found now
        return list(_deploy_objects(client, file, flows, settings))


def _deploy_objects(
    client: SyncPrefectClient, file: DeploymentFile, flows: list[Flow[..., Any]], settings: Settings
) -> Iterator[Change]:
    definitions = file.definitions
    for name, pool in definitions.pools.items():
        yield _pool(client, name, pool)
        for priority, queue in enumerate(definitions.queues, start=1):
            yield _queue(client, name, queue, priority)
    for name, slots in definitions.limits.items():
        yield _limit(client, name, slots)
    for deployment, flow in zip(file.deployments, flows, strict=True):
        yield deploy_flow(client, deployment, flow, settings)
    yield _automation(client, silent_runs_have_crashed(definitions.silent_after_s))


def _pool(client: SyncPrefectClient, name: str, pool: Pool) -> Change:
    try:
        work_pool = client.read_work_pool(name)
    except ObjectNotFound:
        template = _template(pool) or _template_of_type(pool.type)
        client.create_work_pool(
            WorkPoolCreate(name=name, type=pool.type, description=pool.description, base_job_template=template)
        )
        return Change("work pool", name, "made")
    changes = _pool_changes(work_pool, pool)
    if changes:
        client.update_work_pool(name, WorkPoolUpdate(**changes))
    return Change.of("work pool", name, list(changes))


def _pool_changes(work_pool: WorkPool, pool: Pool) -> dict[str, Any]:
    """The changes of a pool. A pool of another type keeps its template: it runs on Docker or Kubernetes."""
    changes: dict[str, Any] = {}
    if (work_pool.description or "") != pool.description:
        changes["description"] = pool.description
    template = _template(pool) if work_pool.type == pool.type else None
    if template and work_pool.base_job_template != template:
        changes["base_job_template"] = template
    return changes


def _template(pool: Pool) -> dict[str, Any] | None:
    if pool.job_template is None:
        return None
    try:
        template: dict[str, Any] = json.loads(pool.job_template.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"the job template {pool.job_template} cannot be read: {error}", remedy="Correct job_template"
        ) from error
    return template


def _template_of_type(kind: str) -> dict[str, Any]:
    """The default job template of Prefect's worker of this type."""
    from prefect.workers.base import BaseWorker

    worker = BaseWorker.get_worker_class_from_type(kind)
    if worker is None:
        raise InputError(
            f"workers of type {kind} are not installed here", remedy="Give the pool a job_template, or install them"
        )
    return worker.get_default_base_job_template()


def _queue(client: SyncPrefectClient, pool: str, name: str, priority: int) -> Change:
    """Create or update a queue. Call in the order of priorities: setting one moves the queues behind it."""
    full_name = f"{pool}/{name}"
    try:
        queue = client.read_work_queue_by_name(name, work_pool_name=pool)
    except ObjectNotFound:
        client.create_work_queue(name, priority=priority, work_pool_name=pool)
        return Change("work queue", full_name, "made")
    if queue.priority == priority:
        return Change("work queue", full_name, "unchanged")
    client.update_work_queue(queue.id, priority=priority)
    return Change.of("work queue", full_name, ["priority"])


def _limit(client: SyncPrefectClient, name: str, slots: int) -> Change:
    try:
        current_limit = client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=slots))
        return Change("concurrency limit", name, "made")
    if current_limit.limit == slots:
        return Change("concurrency limit", name, "unchanged")
    client.update_global_concurrency_limit(name, GlobalConcurrencyLimitUpdate(limit=slots))
    return Change.of("concurrency limit", name, ["limit"])


def silent_runs_have_crashed(silent_after_s: float) -> AutomationCore:
    """An automation that marks a Songline run as crashed that sent heartbeats and then no sign of life for so long.

    Its worker was killed. Prefect checks once per interval, so detection takes up to twice as long.
    """
    return AutomationCore(
        name=CRASH_AUTOMATION,
        description="The worker of such a run is gone. What it left undone is given to another by `reconcile`.",
        trigger=EventTrigger(
            after={HEARTBEAT},
            expect=SIGNS_OF_LIFE,
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            match_related=ResourceSpecification(
                {"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{TAG}"}
            ),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=silent_after_s),
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message="No sign of life: its worker is gone")],
    )


def _automation(client: SyncPrefectClient, declared: AutomationCore) -> Change:
    """Create or update the automation; whether it is enabled is left as the user has set it."""
    automation = next(iter(client.read_automations_by_name(declared.name)), None)
    if automation is None:
        client.create_automation(declared)
        return Change("automation", declared.name, "made")
    field_names = ("description", "trigger", "actions")
    changes = [
        field_name for field_name in field_names if getattr(automation, field_name) != getattr(declared, field_name)
    ]
    if changes:
        client.update_automation(automation.id, declared.model_copy(update={"enabled": automation.enabled}))
    return Change.of("automation", declared.name, changes)
