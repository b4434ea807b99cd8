"""``infra/prefect.yaml``: the work pools, limits and deployments of ``songline deploy``.

Prefect's own ``prefect deploy`` reads the same file and ignores ``definitions``, which is Songline's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from catalog.common.errors import InputError
from catalog.common.small_yaml import read_small_yaml

Name = Annotated[str, Field(min_length=1, max_length=100)]
Slots = Annotated[int, Field(ge=1, le=10_000)]


class Part(BaseModel):
    """Base of all parts of the file: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Pool(Part):
    """A work pool. ``job_template`` is a file in the same folder; without it, the type's own template is used."""

    type: Name = "process"
    description: str = ""
    job_template: Path | None = None


class Definitions(Part):
    """Definitions that Prefect's own file format lacks."""

    pools: dict[Name, Pool]
    queues: tuple[Name, ...]
    limits: dict[Name, Slots] = {}
    silent_after_s: float = Field(90.0, ge=10)
    run: dict[str, Any] = Field({}, description="Job variables that deployments repeat by reference.")


class Schedule(Part):
    """When runs are scheduled. The slug distinguishes it from schedules that were added by hand."""

    slug: Name
    cron: str | None = None
    interval: float | None = Field(None, gt=0, description="Seconds.")
    timezone: str = "UTC"
    active: bool = True

    @model_validator(mode="after")
    def _has_one_kind(self) -> Schedule:
        if (self.cron is None) == (self.interval is None):
            raise ValueError("give either cron or interval")
        return self


class Limit(Part):
    """The number of concurrent runs of a deployment, and what happens to a run beyond it."""

    limit: Slots
    collision_strategy: Literal["ENQUEUE", "CANCEL_NEW"] = "ENQUEUE"


class WorkPool(Part):
    """The work pool and queue of a deployment's runs."""

    name: Name
    work_queue_name: Name
    job_variables: dict[str, Any] = {}


class Deployment(Part):
    """One flow as a deployment on the server."""

    name: Name
    description: str
    tags: tuple[Name, ...]
    entrypoint: Name
    concurrency_limit: Limit | None = None
    schedules: tuple[Schedule, ...] = ()
    work_pool: WorkPool


class DeploymentFile(Part):
    """The whole file."""

    name: str = ""
    pull: list[Any] = Field([], max_length=0, description="Flows are installed, so nothing is ever pulled.")
    definitions: Definitions
    deployments: tuple[Deployment, ...]

    @model_validator(mode="after")
    def _names_what_it_defines(self) -> DeploymentFile:
        for deployment in self.deployments:
            if deployment.work_pool.name not in self.definitions.pools:
                raise ValueError(f"{deployment.name} is in the pool {deployment.work_pool.name}, which is not defined")
            if deployment.work_pool.work_queue_name not in self.definitions.queues:
                raise ValueError(
                    f"{deployment.name} is in the queue {deployment.work_pool.work_queue_name}, which is not defined"
                )
        return self


def default_deployment_file() -> Path:
    """The file that this installation contains."""
    return Path(__file__).parents[2] / "infra" / "prefect.yaml"


def read_deployment_file(path: Path) -> DeploymentFile:
    """Read and check the file; templates are in its folder. Raises InputError with the location of the first fault."""
    try:
        file = DeploymentFile.model_validate(read_small_yaml(path))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}", remedy="Name the file with --file; it is infra/prefect.yaml"
        ) from error
    except ValidationError as error:  # a subclass of ValueError
        first_error = error.errors()[0]
        place = ".".join(str(part) for part in first_error["loc"])
        raise InputError(
            f"{path}: {place + ': ' if place else ''}{first_error['msg']}", remedy="Correct the file"
        ) from error
    except ValueError as error:
        raise InputError(f"{path} is no YAML: {' '.join(str(error).split())}", remedy="Correct the file") from error
    return file.model_copy(update={"definitions": _with_absolute_paths(file.definitions, path.parent)})


def _with_absolute_paths(definitions: Definitions, folder: Path) -> Definitions:
    """The same with absolute paths of the job templates."""
    pools = {
        name: pool.model_copy(update={"job_template": folder / pool.job_template}) if pool.job_template else pool
        for name, pool in definitions.pools.items()
    }
    return definitions.model_copy(update={"pools": pools})
