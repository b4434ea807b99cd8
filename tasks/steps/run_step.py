"""Runs declared steps: leases them, runs the code of their kind, commits or fails them."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from catalog.catalog import Catalog
from catalog.common.errors import LeaseLost, SonglineError, WorkError, error_from
from catalog.common.settings import Settings
from catalog.ledger.commits import FinishedWork, lease_lost
from catalog.ledger.work import ExecutionEnvironment, Lease, StepOutcome, StepRequest, WorkStatus
from tasks.steps.commit_buffer import CommitBuffer
from tasks.steps.errors import as_songline_error
from tasks.steps.step_kinds import STEP_KINDS


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
    request = _requested(claim)
    try:
        with catalog.ledger.keeping([claim]), catalog.scratch() as scratch_folder:
            work = _do(catalog, claim, execution, scratch_folder)
            if catalog.ledger.commit_many([work]):
                raise lease_lost(claim)
    except LeaseLost:
        raise
    except Exception as exception:
        # Any error of a plug-in must free its lease and be recorded; it is then raised to the caller.
        error = as_songline_error(exception, activity=request.kind)
        device_execution = _on_its_device(execution, request.kind, catalog.settings)
        catalog.ledger.fail(claim, error, seconds=time.perf_counter() - start_time, execution=device_execution)
        raise error from exception
    return WorkStatus("done")


def run_steps(catalog: Catalog, keys: Sequence[str], execution: ExecutionEnvironment) -> dict[str, WorkStatus]:
    """Run those of the steps ``keys`` that are free, one after the other, and commit them in batches; returns each
    one's status afterwards. One that fails never fails the others; its error is recorded."""
    claims = catalog.ledger.claim_many("step", keys)
    leases = {key: claim for key, claim in claims.items() if isinstance(claim, Lease)}
    if leases:
        with catalog.ledger.keeping(list(leases.values())), catalog.scratch() as scratch_folder:
            buffer = CommitBuffer(catalog, "step")
            for lease in leases.values():
                _do_or_fail(catalog, lease, execution, scratch_folder, buffer)
                _empty(scratch_folder)
            buffer.flush()
    return catalog.ledger.statuses("step", keys)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _do_or_fail(
    catalog: Catalog, lease: Lease, execution: ExecutionEnvironment, scratch: Path, buffer: CommitBuffer
) -> None:
    start_time, request = time.perf_counter(), _requested(lease)
    try:
        work = _do(catalog, lease, execution, scratch)
    except LeaseLost:
        return
    except Exception as exception:
        # Any error of a plug-in must free its lease and be recorded.
        error = as_songline_error(exception, activity=request.kind)
        device_execution = _on_its_device(execution, request.kind, catalog.settings)
        catalog.ledger.fail(lease, error, seconds=time.perf_counter() - start_time, execution=device_execution)
        return
    buffer.add(work)


def _requested(lease: Lease) -> StepRequest:
    if lease.request is None:
        raise ValueError("a render is no step")
    return lease.request


def _do(catalog: Catalog, lease: Lease, execution: ExecutionEnvironment, scratch: Path) -> FinishedWork:
    """Run the code of a step and store what it made."""
    start_time, request = time.perf_counter(), _requested(lease)
    outcome = _worker(request)(StepContext(request, scratch, catalog, lease))
    seconds = time.perf_counter() - start_time
    device_execution = _on_its_device(execution, request.kind, catalog.settings)
    return catalog.ledger.store(lease, outcome, seconds=seconds, execution=device_execution)


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
        raise failure_of(status, key)


def failure_of(status: WorkStatus, key: str) -> SonglineError:
    """The recorded error of work that failed for good."""
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
    return error


def _worker(request: StepRequest) -> StepFunction:
    if request.kind not in STEP_KINDS:
        raise WorkError(
            f"there is no kind of step {request.kind[:40]!r}", remedy="Upgrade Songline, if a newer one asked"
        )
    module, function = STEP_KINDS[request.kind].worker.split(":")
    worker: StepFunction = getattr(import_module(module), function)
    return worker
