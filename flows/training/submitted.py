"""Trainings on the pool ``gpu``: the run of each, and a new run where a worker died."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.logging import get_run_logger
from pydantic import ValidationError

from catalog.catalog import Catalog
from catalog.common.errors import SonglineError
from flows.orchestration.parameters import AdapterParameters
from flows.orchestration.run_launcher import ENDED, RunLauncher
from flows.server.client import translate_server_errors
from flows.training.finished import begun_times, trained_adapter
from tasks.training.steps.document import TrainingDocument, read_document

TAG = "train"
"""The deployment's tag in ``infra/prefect.yaml``, which its runs inherit."""
MAX_RUNS = 200
MAX_CRASHES = 5
"""Crashed runs in a row after which a training is left alone, until it is submitted again."""


@dataclass(frozen=True, slots=True)
class SubmittedRun:
    """One run of a training, by the digest of its document; ``state`` is None where Prefect states none."""

    training: str
    state: StateType | None

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.state not in ENDED


def start_run(launcher: RunLauncher, document: TrainingDocument, training: str, *, begun: int) -> str:
    """The run of a training that waits since its steps were ``begun`` so often, else a new one; returns its id.

    A run that ended before it began another step, or was cancelled while it waited, is not given again.
    """
    for number in itertools.count():
        run_id = launcher.start(
            "train-adapter",
            AdapterParameters(training=training),
            name=f"train · {document.name}",
            queue="normal",
            key=f"train:{training}:{begun}:{number}",
            album=f"training:{document.name}",
        )
        status = launcher.statuses([run_id]).get(run_id)
        if status is None or status.state != "ended":
            break
    return run_id


def submitted_runs(client: SyncPrefectClient) -> list[SubmittedRun]:
    """The newest runs of trainings, the newest first. Raises MachineError without a server."""
    with translate_server_errors():
        runs = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[TAG])),
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            limit=MAX_RUNS,
        )
    submitted = []
    for run in runs:
        try:
            work = AdapterParameters.model_validate(run.parameters.get("work"))
        except ValidationError:  # started by hand with other parameters
            continue
        submitted.append(SubmittedRun(work.training, run.state.type if run.state else None))
    return submitted


def continue_crashed(catalog: Catalog, launcher: RunLauncher, runs: Sequence[SubmittedRun]) -> int:
    """Start a new run of each training whose newest ``runs`` crashed; returns their count.

    A run that failed or was cancelled is not followed by another, nor is a training of which MAX_CRASHES runs in a row
    crashed. An error with one training does not stop the others.
    """
    states: dict[str, list[StateType | None]] = {}
    for run in runs:
        states.setdefault(run.training, []).append(run.state)
    count = 0
    for training, newest_first in states.items():
        crashes = sum(1 for _ in itertools.takewhile(lambda state: state == StateType.CRASHED, newest_first))
        if 0 < crashes < MAX_CRASHES:
            try:
                count += _continue(catalog, launcher, training)
            except SonglineError as error:
                get_run_logger().warning("the training %s was not continued: %s", training[:12], error)
    return count


def _continue(catalog: Catalog, launcher: RunLauncher, training: str) -> bool:
    document = read_document(catalog.store.local(training).read_bytes())
    if trained_adapter(catalog, document) is not None:
        return False
    start_run(launcher, document, training, begun=begun_times(catalog, document))
    return True
