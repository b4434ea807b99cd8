"""Trainings on a pool whose worker died: which of them get a new run, and what Prefect tells of their runs."""

from __future__ import annotations

import logging
from itertools import count
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.states import Crashed

from catalog.catalog import Catalog
from flows.orchestration import run_launcher
from flows.training import submitted
from flows.training.submitted import MAX_CRASHES, SubmittedRun, continue_crashed, start_run, submitted_runs
from tests.support.farm import FakeFarm
from tests.unit.flows.server.deployments import client, deploy, deployed
from tests.unit.tasks.training.steps.test_document import document

__all__ = ["client", "deploy", "deployed"]

CRASHED, RUNNING, FAILED, CANCELLED = StateType.CRASHED, StateType.RUNNING, StateType.FAILED, StateType.CANCELLED


@pytest.fixture
def training(catalog: Catalog) -> str:
    return catalog.add_bytes(document().to_bytes(), media_type="application/json")


@pytest.fixture(autouse=True)
def _log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submitted, "get_run_logger", lambda: logging.getLogger("tests"))


@pytest.mark.parametrize(
    ("states", "continued"),
    [
        ((CRASHED,), 1),
        ((CRASHED, FAILED), 1),
        ((CRASHED,) * (MAX_CRASHES - 1), 1),
        ((CRASHED,) * MAX_CRASHES, 0),
        ((RUNNING, CRASHED), 0),
        ((FAILED, CRASHED), 0),
        ((CANCELLED, CRASHED), 0),
        ((None, CRASHED), 0),
    ],
)
def test_only_a_training_whose_newest_run_crashed_is_continued(
    catalog: Catalog, training: str, states: tuple[StateType | None, ...], continued: int
) -> None:
    farm = FakeFarm()
    assert continue_crashed(catalog, farm, [SubmittedRun(training, state) for state in states]) == continued
    assert [run.work.model_dump()["training"] for run in farm.runs.values()] == [training] * continued


def test_it_is_continued_by_one_run_however_often_one_looks(catalog: Catalog, training: str) -> None:
    farm = FakeFarm()
    for _ in range(3):
        continue_crashed(catalog, farm, [SubmittedRun(training, CRASHED)])
    assert len(farm.runs) == 1


def test_a_training_that_cannot_be_read_does_not_stop_the_others(
    catalog: Catalog, training: str, caplog: pytest.LogCaptureFixture
) -> None:
    farm = FakeFarm()
    runs = [SubmittedRun("0" * 64, CRASHED), SubmittedRun(training, CRASHED)]
    assert continue_crashed(catalog, farm, runs) == 1
    assert "the training 000000000000 was not continued" in caplog.text


def test_a_training_that_is_done_is_left_alone(
    catalog: Catalog, training: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submitted, "trained_adapter", lambda *_: "a" * 64)
    assert continue_crashed(catalog, FakeFarm(), [SubmittedRun(training, CRASHED)]) == 0


@pytest.mark.usefixtures("deployed")
def test_prefect_tells_the_state_of_each_training(client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_launcher, "open_client", lambda: client)
    launcher, numbers = run_launcher.PrefectRunLauncher(), count()
    first, second = (start_run(launcher, document(), letter * 64, begun=next(numbers)) for letter in "de")
    client.set_flow_run_state(_id(first), Crashed(), force=True)
    told = {run.training: run for run in submitted_runs(client)}
    assert set(told) == {"d" * 64, "e" * 64}
    assert (told["d" * 64].state, told["d" * 64].is_open, told["e" * 64].is_open) == (CRASHED, False, True)
    for run_id in (first, second):
        client.delete_flow_run(_id(run_id))


def _id(run_id: str) -> UUID:
    return UUID(run_id)
