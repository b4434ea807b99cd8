"""Doing one declared step: lease it, run the code its kind names, commit or fail it."""

from __future__ import annotations

import errno
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from catalog.catalog import Catalog
from catalog.common.errors import LeaseLost, MachineError, SonglineError, TransientError, WorkError, error_from
from catalog.common.settings import Settings
from catalog.ledger.results import step_request
from catalog.ledger.work import ExecutionEnvironment, StepOutcome, StepRequest, WorkStatus
from db.session import DatabaseError
from tasks.steps.step_kinds import STEP_KINDS

FREE_DISK = "Free disk space, or point SONGLINE_HOME to another disk, then run `songline retry`"


@dataclass(frozen=True, slots=True)
class StepContext:
    """What a step's code is given: its request, a scratch folder that is emptied afterwards, and the house."""

    request: StepRequest
    scratch: Path
    catalog: Catalog

    def input(self, role: str) -> Path:
        """Where an input artifact can be read; never to be changed."""
        return self.catalog.store.local(self.request.inputs[role])


StepFunction = Callable[[StepContext], StepOutcome]


def run_step(catalog: Catalog, key: str, execution: ExecutionEnvironment) -> WorkStatus:
    """Do the step ``key`` if it is free; gives how it stands afterwards.

    Raises the error of a failed attempt; finding the step failed earlier raises that error too.
    """
    claimed = catalog.ledger.claim("step", key)
    if isinstance(claimed, WorkStatus):
        raise_if_failed(claimed, key)
        return claimed
    started = time.perf_counter()
    request = step_request(catalog.database, key)
    try:
        with catalog.scratch() as scratch, catalog.ledger.keeping([claimed]):
            outcome = _worker(request)(StepContext(request, scratch, catalog))
            seconds = time.perf_counter() - started
            there = _on_its_device(execution, request.kind, catalog.settings)
            catalog.ledger.commit(claimed, outcome, seconds=seconds, execution=there)
    except LeaseLost:
        raise
    except Exception as caught:
        # Whatever a plug-in does wrong must free its lease and be on record; it goes on to the caller.
        error = as_songline_error(caught, doing=request.kind)
        there = _on_its_device(execution, request.kind, catalog.settings)
        catalog.ledger.fail(claimed, error, seconds=time.perf_counter() - started, execution=there)
        raise error from caught
    return WorkStatus("done")


def _on_its_device(execution: ExecutionEnvironment, kind: str, settings: Settings) -> ExecutionEnvironment:
    """The circumstances with the GPU of a step that loads a model, by the name that renders give it."""
    if not STEP_KINDS[kind].on_device or settings.device_here == "cpu":
        return execution
    name, torch = settings.device_here, sys.modules.get("torch")
    # A device that was lost tells its name no more, and a model need not be one of torch's.
    with suppress(RuntimeError):
        if torch is not None and torch.cuda.is_initialized():
            name = torch.cuda.get_device_name()
    return replace(execution, device=name)


def raise_if_failed(status: WorkStatus, key: str) -> None:
    """Raise the recorded error of work that failed for good."""
    if status.state == "failed":
        known = error_from(status.error or {})
        # Said again, not tried again: what failed for good must not look transient to the flow.
        cls = WorkError if known.transient else type(known)
        again = "run `songline retry`, then render again"
        remedy = known.remedy if "songline" in known.remedy else f"{known.remedy}; then {again}".removeprefix("; then ")
        error = cls.__new__(cls)
        error.__dict__.update(known.__dict__)
        error.remedy, error.ids = remedy, {**known.ids, "key": key}
        raise error


def as_songline_error(caught: BaseException, *, doing: str) -> SonglineError:
    """Any exception as one of ours: memory trouble and broken connections are transient, a bug is permanent."""
    if isinstance(caught, SonglineError):
        return caught
    if isinstance(caught, DatabaseError):
        return TransientError(f"the catalog could not be written: {caught}", remedy="It will be tried again")
    if isinstance(caught, OSError) and caught.errno == errno.ENOSPC:
        return MachineError(f"the disk is full at {caught.filename or 'the home'}", remedy=FREE_DISK)
    where = traceback.extract_tb(caught.__traceback__)
    place = f"{Path(where[-1].filename).name}:{where[-1].lineno}" if where else "?"
    if isinstance(caught, MemoryError | ConnectionError | TimeoutError) or _is_of_the_device(caught):
        return TransientError(f"{doing} ran into {type(caught).__name__} at {place}", remedy="It will be tried again")
    return WorkError(
        f"{doing} failed with {type(caught).__name__} at {place}: {caught}",
        remedy="This looks like a fault of Songline; report it, then run `songline retry`",
    )


def _is_of_the_device(caught: BaseException) -> bool:
    """Whether a GPU is out of memory or lost; told by names, since torch may not be loaded here."""
    if type(caught).__name__ in ("OutOfMemoryError", "AcceleratorError"):
        return True
    said = str(caught)
    return isinstance(caught, RuntimeError) and any(
        sign in said for sign in ("out of memory", "CUDA error", "cuDNN error")
    )


def _worker(request: StepRequest) -> StepFunction:
    if request.kind not in STEP_KINDS:
        raise WorkError(
            f"there is no kind of step {request.kind[:40]!r}", remedy="Upgrade Songline, if a newer one asked"
        )
    module, function = STEP_KINDS[request.kind].worker.split(":")
    worker: StepFunction = getattr(import_module(module), function)
    return worker
