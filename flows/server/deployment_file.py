"""``infra/prefect.yaml``: the work pools, limits and deployments that ``songline deploy`` sees to.

Prefect's own ``prefect deploy`` reads the same file and passes over ``definitions``, which is ours.
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
    """What all parts of the file have in common: a word that is not known is a fault, and not passed over."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Pool(Part):
    """A work pool. ``job_template`` is a file beside this one; left out, the type's own template is used."""

    type: Name = "process"
    description: str = ""
    job_template: Path | None = None


class Definitions(Part):
    """What Prefect's own file has no words for."""

    pools: dict[Name, Pool]
    queues: tuple[Name, ...]
    limits: dict[Name, Slots] = {}
    silent_after_s: float = Field(90.0, ge=10)
    run: dict[str, Any] = Field({}, description="Job variables that deployments repeat by reference.")


class Schedule(Part):
    """When runs are made by themselves. The slug tells it from schedules that were added by hand."""

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
    """How many runs of a deployment there may be at once, and what becomes of one that is too many."""

    limit: Slots
    collision_strategy: Literal["ENQUEUE", "CANCEL_NEW"] = "ENQUEUE"


class WorkPool(Part):
    """Where a deployment's runs wait."""

    name: Name
    work_queue_name: Name
    job_variables: dict[str, Any] = {}


class Deployment(Part):
    """One flow as it is offered on the server."""

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
        for each in self.deployments:
            if each.work_pool.name not in self.definitions.pools:
                raise ValueError(f"{each.name} is in the pool {each.work_pool.name}, which is not defined")
            if each.work_pool.work_queue_name not in self.definitions.queues:
                raise ValueError(f"{each.name} is in the queue {each.work_pool.work_queue_name}, which is not defined")
        return self


def default_deployment_file() -> Path:
    """The file that comes with this installation."""
    return Path(__file__).parents[2] / "infra" / "prefect.yaml"


def read_deployment_file(path: Path) -> DeploymentFile:
    """Read and check it; templates are found beside it. Raises InputError with the place of the first fault."""
    try:
        file = DeploymentFile.model_validate(read_small_yaml(path))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}", remedy="Name the file with --file; it is infra/prefect.yaml"
        ) from error
    except ValidationError as error:  # which is a ValueError too
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: {place + ': ' if place else ''}{first['msg']}", remedy="Correct the file") from error
    except ValueError as error:
        raise InputError(f"{path} is no YAML: {' '.join(str(error).split())}", remedy="Correct the file") from error
    return file.model_copy(update={"definitions": _placed(file.definitions, path.parent)})


def _placed(definitions: Definitions, folder: Path) -> Definitions:
    """The same with whole paths of the job templates."""
    pools = {
        name: pool.model_copy(update={"job_template": folder / pool.job_template}) if pool.job_template else pool
        for name, pool in definitions.pools.items()
    }
    return definitions.model_copy(update={"pools": pools})
