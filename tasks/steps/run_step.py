"""Run one declared step: lease it, run the code of its kind, commit or fail it."""

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
from catalog.ledger.work import ExecutionEnvironment, Lease, StepOutcome, StepRequest, WorkStatus
from db.session import DatabaseError
from tasks.steps.step_kinds import STEP_KINDS

FREE_DISK = "Free disk space, or point SONGLINE_HOME to another disk, then run `songline retry`"


@dataclass(frozen=True, slots=True)
class StepContext:
    """What a step function receives: its request, a scratch folder (emptied afterwards) and the catalog."""

    request: StepRequest
    scratch: Path
    catalog: Catalog
    lease: Lease | None = None
    """The right to do it, for steps that write rows before they are done."""

    def input(self, role: str) -> Path:
        """The path of an input artifact, to be read and never changed."""
        return self.catalog.store.local(self.request.inputs[role])


StepFunction = Callable[[StepContext], StepOutcome]


def run_step(catalog: Catalog, key: str, execution: ExecutionEnvironment) -> WorkStatus:
    """Run the step ``key`` if it is free; returns its status afterwards.

    Raises the error of a failed attempt, and the recorded error of a step that failed earlier.
    """
    claim = catalog.ledger.claim("step", key)
    if isinstance(claim, WorkStatus):
        raise_if_failed(claim, key)
        return claim
    start_time = time.perf_counter()
    request = step_request(catalog.database, key)
    try:
        with catalog.scratch() as scratch_folder, catalog.ledger.keeping([claim]):
            outcome = _worker(request)(StepContext(request, scratch_folder, catalog, claim))
            seconds = time.perf_counter() - start_time
            device_execution = _on_its_device(execution, request.kind, catalog.settings)
            catalog.ledger.commit(claim, outcome, seconds=seconds, execution=device_execution)
    except LeaseLost:
        raise
    except Exception as exception:
        # Any error of a plug-in must free its lease and be recorded; it is then raised to the caller.
        error = as_songline_error(exception, activity=request.kind)
        device_execution = _on_its_device(execution, request.kind, catalog.settings)
        catalog.ledger.fail(claim, error, seconds=time.perf_counter() - start_time, execution=device_execution)
        raise error from exception
    return WorkStatus("done")


def _on_its_device(execution: ExecutionEnvironment, kind: str, settings: Settings) -> ExecutionEnvironment:
    """The execution environment with the name of the GPU, as renders record it, for a step that loads a model."""
    if not STEP_KINDS[kind].on_device or settings.device_here == "cpu":
        return execution
    name, torch = settings.device_here, sys.modules.get("torch")
    # A lost device no longer reports its name, and a model need not be one of torch's.
    with suppress(RuntimeError):
        if torch is not None and torch.cuda.is_initialized():
            name = torch.cuda.get_device_name()
    return replace(execution, device=name)


def raise_if_failed(status: WorkStatus, key: str) -> None:
    """Raise the recorded error of work that failed for good."""
    if status.state == "failed":
        recorded_error = error_from(status.error or {})
        # Reported again, not retried: a permanent failure must not look transient to the flow.
        cls = WorkError if recorded_error.transient else type(recorded_error)
        retry_hint = "run `songline retry`, then render again"
        remedy = (
            recorded_error.remedy
            if "songline" in recorded_error.remedy
            else f"{recorded_error.remedy}; then {retry_hint}".removeprefix("; then ")
        )
        error = cls.__new__(cls)
        error.__dict__.update(recorded_error.__dict__)
        error.remedy, error.ids = remedy, {**recorded_error.ids, "key": key}
        raise error


def as_songline_error(error: BaseException, *, activity: str) -> SonglineError:
    """Any exception as a SonglineError: out of memory and broken connections are transient, a bug is permanent."""
    if isinstance(error, SonglineError):
        return error
    if isinstance(error, DatabaseError):
        return TransientError(f"the catalog could not be written: {error}", remedy="It will be tried again")
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return MachineError(f"the disk is full at {error.filename or 'the home'}", remedy=FREE_DISK)
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    if isinstance(error, MemoryError | ConnectionError | TimeoutError) or _is_of_the_device(error):
        return TransientError(f"{activity} ran into {type(error).__name__} at {place}", remedy="It will be tried again")
    return WorkError(
        f"{activity} failed with {type(error).__name__} at {place}: {error}",
        remedy="This looks like a fault of Songline; report it, then run `songline retry`",
    )


def _is_of_the_device(error: BaseException) -> bool:
    """Whether a GPU is out of memory or lost; decided by class names, since torch may not be loaded here."""
    if type(error).__name__ in ("OutOfMemoryError", "AcceleratorError"):
        return True
    message = str(error)
    return isinstance(error, RuntimeError) and any(
        sign in message for sign in ("out of memory", "CUDA error", "cuDNN error")
    )


def _worker(request: StepRequest) -> StepFunction:
    if request.kind not in STEP_KINDS:
        raise WorkError(
            f"there is no kind of step {request.kind[:40]!r}", remedy="Upgrade Songline, if a newer one asked"
        )
    module, function = STEP_KINDS[request.kind].worker.split(":")
    worker: StepFunction = getattr(import_module(module), function)
    return worker
