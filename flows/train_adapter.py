"""The flow that trains an adapter on a GPU pool, by the digest of its document."""

from __future__ import annotations

from prefect import flow

from catalog.common.errors import InputError
from flows.orchestration.parameters import AdapterParameters
from flows.pipeline.run import open_run_catalog
from flows.runtime.cancelled_tasks import end_tasks
from flows.training.pages import TrainingPage
from flows.training.progress import ProgressReporter
from flows.training.registration import register
from flows.training.run_training import run_training
from tasks.training.steps.card import summary
from tasks.training.steps.document import read_document


@flow(name="train-adapter", persist_result=False, on_cancellation=[end_tasks])
async def train_adapter(work: AdapterParameters) -> str:
    """Train what is missing of a training and register its adapter on this machine.

    Retrying it, or another run of the same training, goes on from the newest checkpoint.
    """
    with open_run_catalog() as catalog:
        document = read_document(catalog.store.local(work.training).read_bytes())
        reporter = ProgressReporter(len(document.songs))
        async with TrainingPage(document, reporter):
            trained = await run_training(catalog, document, reporter)
        try:
            placed = f"registered as {register(catalog, document, trained).spec.name}"
        except InputError as error:  # the training itself is done, and its files are in the store
            placed = f"not registered: {error.what}"
    return f"{summary(dict(trained.result.result))} It is {placed}."
