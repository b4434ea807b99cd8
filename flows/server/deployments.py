"""One deployment on the Prefect server: compared with the file, and changed only where it differs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions, DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.exceptions import ObjectNotFound, ScriptError
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema

from catalog.common.errors import InputError
from catalog.common.settings import Settings
from flows.server.changes import Change
from flows.server.deployment_file import Deployment, Schedule

INBOX = "render-inbox"
"""The deployment whose schedules are active where an inbox is set."""


def load_flow(declared: Deployment) -> Flow[..., Any]:
    """The flow of an entrypoint, for its name and parameters. Raises InputError where there is none."""
    try:
        return load_flow_from_entrypoint(declared.entrypoint, use_placeholder_flow=False)
    except (ImportError, AttributeError, ValueError, TypeError, SyntaxError, ScriptError) as error:
        raise InputError(
            f"the flow {declared.entrypoint} of the deployment {declared.name} cannot be loaded: {error}".rstrip("."),
            remedy="Correct its entrypoint, and install the flow where workers are",
        ) from error


def deploy_flow(client: SyncPrefectClient, declared: Deployment, flow: Flow[..., Any], settings: Settings) -> Change:
    """Create the deployment, or update what differs; returns the outcome."""
    name = f"{flow.name}/{declared.name}"
    fields = _fields(declared, flow)
    schedules = [_with_activation(schedule, declared, settings) for schedule in declared.schedules]
    try:
        deployment = client.read_deployment_by_name(name)
    except ObjectNotFound:
        client.create_deployment(
            client.create_flow_from_name(flow.name),
            declared.name,
            schedules=[_new_schedule(schedule) for schedule in schedules],
            **fields,
        )
        return Change("deployment", name, "made")
    status = _status(deployment)
    changed_fields = {field: value for field, value in fields.items() if status[field] != value}
    if changed_fields:
        client.update_deployment(deployment.id, DeploymentUpdate(**changed_fields | _pool_of(fields)))
    changed_slugs = [
        schedule.slug
        for schedule in schedules
        if _schedule(client, deployment, schedule, activate=_must_be_active(declared, settings))
    ]
    return Change.of("deployment", name, [*changed_fields, *(f"schedule {slug}" for slug in changed_slugs)])


def _fields(declared: Deployment, flow: Flow[..., Any]) -> dict[str, Any]:
    """The fields of a deployment, by the names of Prefect's client."""
    limit = declared.concurrency_limit
    return {
        "description": declared.description,
        "tags": sorted(declared.tags),
        "entrypoint": declared.entrypoint,
        "path": None,
        "pull_steps": [],
        "work_pool_name": declared.work_pool.name,
        "work_queue_name": declared.work_pool.work_queue_name,
        "job_variables": declared.work_pool.job_variables,
        "parameter_openapi_schema": parameter_schema(flow).model_dump(exclude_unset=True, mode="json"),
        "enforce_parameter_schema": True,
        "concurrency_limit": limit.limit if limit else None,
        "concurrency_options": _options(limit.collision_strategy) if limit else None,
    }


def _pool_of(fields: dict[str, Any]) -> dict[str, Any]:
    """The pool and queue, sent with every update: a queue's name needs its pool's, and the pool checks job
    variables."""
    return {name: fields[name] for name in ("work_pool_name", "work_queue_name")}


def _status(deployment: DeploymentResponse) -> dict[str, Any]:
    """The same fields as they are on the server."""
    limit = deployment.global_concurrency_limit
    options = deployment.concurrency_options
    return {
        "description": deployment.description,
        "tags": sorted(deployment.tags),
        "entrypoint": deployment.entrypoint,
        "path": deployment.path,
        "pull_steps": deployment.pull_steps or [],
        "work_pool_name": deployment.work_pool_name,
        "work_queue_name": deployment.work_queue_name,
        "job_variables": deployment.job_variables,
        "parameter_openapi_schema": deployment.parameter_openapi_schema,
        "enforce_parameter_schema": deployment.enforce_parameter_schema,
        "concurrency_limit": limit.limit if limit else None,
        "concurrency_options": _options(options.collision_strategy) if limit and options else None,
    }


def _options(strategy: str) -> ConcurrencyOptions:
    return ConcurrencyOptions(collision_strategy=ConcurrencyLimitStrategy(strategy))


def _must_be_active(declared: Deployment, settings: Settings) -> bool:
    return declared.name == INBOX and bool(settings.inbox)


def _with_activation(schedule: Schedule, declared: Deployment, settings: Settings) -> Schedule:
    return schedule.model_copy(update={"active": schedule.active or _must_be_active(declared, settings)})


def _new_schedule(declared: Schedule) -> DeploymentScheduleCreate:
    return DeploymentScheduleCreate(schedule=_timing(declared), active=declared.active, slug=declared.slug)


def _timing(declared: Schedule) -> CronSchedule | IntervalSchedule:
    if declared.cron is not None:
        return CronSchedule(cron=declared.cron, timezone=declared.timezone)
    return IntervalSchedule(interval=timedelta(seconds=declared.interval or 0), timezone=declared.timezone)


def _schedule(client: SyncPrefectClient, deployment: DeploymentResponse, declared: Schedule, *, activate: bool) -> bool:
    """Bring one schedule to the declared one, and enable it only if ``activate`` is set; returns any change."""
    status = next((schedule for schedule in deployment.schedules if schedule.slug == declared.slug), None)
    if status is None:
        client.create_deployment_schedules(deployment.id, [_new_schedule(declared)])
        return True
    timing = None if _has_same_times(status, declared) else _timing(declared)
    switch = True if activate and not status.active else None
    if timing is None and switch is None:
        return False
    client.update_deployment_schedule(deployment.id, status.id, active=switch, schedule=timing)
    return True


def _has_same_times(status: DeploymentSchedule, declared: Schedule) -> bool:
    """Whether a schedule has the declared times; the anchor date of an interval is ignored."""
    timing = status.schedule
    if isinstance(timing, CronSchedule):
        return (timing.cron, timing.timezone or "UTC") == (declared.cron, declared.timezone)
    return isinstance(timing, IntervalSchedule) and (
        (timing.interval.total_seconds(), timing.timezone or "UTC") == (declared.interval, declared.timezone)
    )
