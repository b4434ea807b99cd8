"""Handing an album to the pools: one run in charge, whatever is clicked twice or dies."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.common.errors import InputError, MachineError, RefusedError, WorkError
from catalog.ledger.submissions import SubmissionRequest, submission_of, submit
from flows.orchestration import submissions
from flows.orchestration.submissions import cancel, ensure_coordinated, get_submission, pause, resume
from flows.planning.plan_album import declare_album, declare_plan, plan_album
from flows.planning.read_manifest import read_album
from flows.reconcile import adapt_schedule, reconcile_submissions
from tests.support.albums import album_document, write_album
from tests.support.farm import FakeFarm


def submit_album(catalog, album, **request):
    return submissions.submit_album(catalog, plan_album(catalog, album), **request)


@pytest.fixture
def farm():
    return FakeFarm()


@pytest.fixture
def album(settings, tmp_path: Path):
    return read_album(write_album(tmp_path / "album", album_document()), settings)


@pytest.mark.slow
@pytest.mark.both_databases
def test_two_submissions_of_one_manifest_have_one_run(catalog: Catalog, album, farm) -> None:
    first = submit_album(catalog, album, priority="urgent", dispatcher=farm)
    assert submit_album(catalog, album, priority="urgent", dispatcher=farm) == first
    (run,) = farm.runs.values()
    assert (run.flow, run.queue, run.work.album, run.work.attempt) == ("produce-album", "urgent", "small", 1)
    assert first.flow_run_id == run.id


def test_reconcile_is_switched_on_before_an_album_is_active(
    catalog: Catalog, album, farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_):
        assert farm.is_reconcile_active
        raise KeyboardInterrupt

    monkeypatch.setattr("flows.orchestration.submissions.submit", dies)
    with pytest.raises(KeyboardInterrupt):
        submit_album(catalog, album, dispatcher=farm)
    monkeypatch.undo()

    submit_album(catalog, album, dispatcher=farm)
    pause(catalog.database, "small")
    farm.is_reconcile_active = False
    resume(catalog, "small", farm)
    assert farm.is_reconcile_active


def test_reconcile_runs_often_only_while_an_album_is_active(catalog: Catalog, album, farm) -> None:
    farm.is_reconcile_active = True
    adapt_schedule(catalog, farm)
    assert not farm.is_reconcile_active
    submit_album(catalog, album, dispatcher=farm)
    farm.is_reconcile_active = False  # as after a restored backup
    adapt_schedule(catalog, farm)
    assert farm.is_reconcile_active
    cancel(catalog.database, "small", farm)
    adapt_schedule(catalog, farm, has_open_runs=True)  # what is cancelled has not ended yet
    assert farm.is_reconcile_active
    adapt_schedule(catalog, farm)
    assert not farm.is_reconcile_active


def test_an_album_submitted_while_reconcile_is_switched_off_is_not_lost(catalog: Catalog, album, farm) -> None:
    class Meanwhile(FakeFarm):
        def switch_reconcile(self, is_active):
            super().switch_reconcile(is_active)
            if not is_active:
                submit(catalog.database, SubmissionRequest("small", declare_album(catalog, album).digest))

    farm = Meanwhile()
    adapt_schedule(catalog, farm)
    assert farm.is_reconcile_active


def test_a_changed_wish_has_a_new_run_in_charge(catalog: Catalog, album, farm) -> None:
    submit_album(catalog, album, dispatcher=farm)
    again = submit_album(catalog, album, until="select", dispatcher=farm)
    assert [run.work.attempt for run in farm.runs.values()] == [1, 2]
    assert (again.request.until, again.flow_run_id) == ("select", "run-2")


def test_a_dead_run_is_replaced_and_a_living_one_left_alone(catalog: Catalog, album, farm) -> None:
    status = submit_album(catalog, album, dispatcher=farm)
    assert ensure_coordinated(catalog, status, farm) == status
    assert farm.lose("produce-album") == 1
    after = ensure_coordinated(catalog, status, farm)
    assert (after.attempt, after.flow_run_id) == (2, "run-2")
    assert ensure_coordinated(catalog, status, farm).flow_run_id == "run-2"  # seen late by a second one


def test_how_long_a_run_may_take_to_begin_is_a_setting(catalog: Catalog, album, farm) -> None:
    status = submit_album(catalog, album, dispatcher=farm)
    run = farm.runs[status.flow_run_id]
    run.state, run.for_s = "starting", 200.0
    catalog.settings = catalog.settings.model_copy(update={"starting_s": 600.0})
    assert ensure_coordinated(catalog, status, farm) == status
    catalog.settings = catalog.settings.model_copy(update={"starting_s": 60.0})
    assert ensure_coordinated(catalog, status, farm).flow_run_id == "run-2"
    assert farm.given_up == [run.id]


def test_trouble_with_one_album_holds_no_other_up(catalog: Catalog, settings, tmp_path: Path, farm) -> None:
    for album_id in ("first", "second", "third"):
        document = album_document() | {"album": {"id": album_id, "title": album_id, "artist": "Ada Vale"}}
        submit_album(catalog, read_album(write_album(tmp_path / album_id, document), settings), dispatcher=farm)
    assert farm.lose("produce-album") == 3

    def start(flow, work, **told):
        if work.album == "second":
            raise MachineError("the server refuses it", remedy="Mend it")
        return FakeFarm.start(farm, flow, work, **told)

    farm.start = start
    with pytest.raises(WorkError, match="1 of 3 active albums could not be coordinated: second: the server refuses it"):
        reconcile_submissions(catalog, farm)
    assert sorted(run.work.album for run in farm.open("produce-album")) == ["first", "third"]
    del farm.start
    assert reconcile_submissions(catalog, farm) == "0 leases freed, 3 albums active, 1 given to a new run"


def test_a_run_that_was_asked_for_and_not_noted_is_not_doubled(
    catalog: Catalog, album, farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Killed between the two.
    monkeypatch.setattr("flows.orchestration.submissions.set_flow_run_id", lambda *_, **__: None)
    submit_album(catalog, album, dispatcher=farm)
    monkeypatch.undo()
    assert submit_album(catalog, album, dispatcher=farm).flow_run_id == "run-1"
    assert len(farm.runs) == 1


def test_two_different_manifests_in_one_moment_are_not_mixed(
    catalog: Catalog, album, farm, settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = read_album(write_album(tmp_path / "other", album_document(stems="native")), settings)

    def overtaken(catalog, planned):
        mine = declare_plan(catalog, planned)
        declare_album(catalog, other)
        return mine

    monkeypatch.setattr("flows.orchestration.submissions.declare_plan", overtaken)
    with pytest.raises(WorkError, match="another manifest of this album"):
        submit_album(catalog, album, dispatcher=farm)
    assert list(farm.open("produce-album")) == []


def test_pausing_and_going_on(catalog: Catalog, album, farm) -> None:
    submit_album(catalog, album, max_gpu_minutes=2.0, dispatcher=farm)
    assert pause(catalog.database, "small").state == "paused"
    with pytest.raises(RefusedError, match="is paused"):
        pause(catalog.database, "small")
    again = resume(catalog, "small", farm)
    assert (again.state, again.attempt, again.request.max_gpu_minutes) == ("active", 2, 2.0)
    with pytest.raises(RefusedError, match="is active"):
        resume(catalog, "small", farm)


def test_cancelling_ends_every_run(catalog: Catalog, album, farm) -> None:
    submit_album(catalog, album, dispatcher=farm)
    assert cancel(catalog.database, "small", farm) == 1
    assert submission_of(catalog.database, "small").state == "cancelled"
    assert list(farm.open()) == []
    assert resume(catalog, "small", farm, max_gpu_minutes=9.0).request.max_gpu_minutes == 9.0


def test_an_album_that_was_never_submitted_is_named(catalog: Catalog, farm) -> None:
    for ask in (lambda: get_submission(catalog.database, "nobody"), lambda: pause(catalog.database, "nobody")):
        with pytest.raises(InputError, match="'nobody' was never submitted"):
            ask()
