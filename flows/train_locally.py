"""The flow that trains an adapter on this machine, as part of the command ``songline train``."""

from __future__ import annotations

import asyncio
import signal
from contextvars import ContextVar
from dataclasses import dataclass

import httpx
from prefect import flow
from prefect.exceptions import PrefectException, TerminationSignal

from catalog.catalog import Catalog
from catalog.common.errors import MachineError, WorkError
from flows.training.finished import Trained
from flows.training.pages import TrainingPage
from flows.training.progress import ProgressReporter
from flows.training.run_training import run_training
from tasks.training.steps.document import TrainingDocument


@dataclass(slots=True)
class Run:
    """One training in this process. The flow stores its result in ``trained``, as only ids pass through Prefect."""

    catalog: Catalog
    document: TrainingDocument
    reporter: ProgressReporter
    trained: Trained | None = None


_run: ContextVar[Run] = ContextVar("songline_training")


@flow(name="train-adapter", flow_run_name="train · {name}", persist_result=False)
async def train_adapter(name: str, training: str) -> str:
    """Train what :func:`train_locally` was given; gives the training's key."""
    run = _run.get()
    async with TrainingPage(run.document, run.reporter):
        run.trained = await run_training(run.catalog, run.document, run.reporter)
    return run.trained.key


def train_locally(catalog: Catalog, document: TrainingDocument, training: str, reporter: ProgressReporter) -> Trained:
    """Run the flow in this process; ``training`` is the digest of the stored document. Raises its error."""
    run = Run(catalog, document, reporter)
    token = _run.set(run)
    try:
        asyncio.run(train_adapter(document.name, training))
    except TerminationSignal:
        raise SystemExit(128 + signal.SIGTERM) from None
    except (httpx.HTTPError, PrefectException) as error:
        raise MachineError(
            f"Prefect's local API stopped answering: {str(error).splitlines()[0]}",
            remedy=f"Look for a full disk and read {catalog.settings.prefect_path / 'server.log'}; then run it again",
        ) from error
    finally:
        _run.reset(token)
    if run.trained is None:
        raise WorkError("the flow ended without a result", remedy="Run the same command again")
    return run.trained
