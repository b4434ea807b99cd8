"""Who is in charge of a submitted album, and what its end is noted as."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from catalog.catalog import Catalog
from catalog.common.errors import InputError, MachineError, WorkError
from catalog.ledger.results import failed_work
from catalog.ledger.submissions import SubmissionRequest, set_flow_run_id, submission_of, submit, transition
from flows import produce_album
from flows.artifacts.artifacts import AlbumArtifacts
from flows.orchestration.parameters import AlbumParameters
from flows.pipeline.pipeline import PipelineResult
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from flows.produce_album import _claimed_submission, _close
from tests.support.albums import album_document, write_album
from tests.support.farm import FakeFarm
from tests.support.inline_executor import HERE


@pytest.fixture
def planned(catalog: Catalog, settings, tmp_path: Path):
    planned = declare_album(catalog, read_album(write_album(tmp_path / "album", album_document()), settings))
    submit(catalog.database, SubmissionRequest("small", planned.digest))
    return planned


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch):
    """A function that lets what follows happen in another flow run."""

    def begin(run_id):
        monkeypatch.setattr(produce_album, "flow_run", SimpleNamespace(id=run_id))

    begin("run-1")
    return begin


def charge(catalog, attempt):
    found = _claimed_submission(catalog, AlbumParameters(album="small", attempt=attempt))
    return found.attempt if found else None


def test_only_the_newest_attempt_is_in_charge(catalog: Catalog, planned, begun) -> None:
    assert charge(catalog, 1) == 1
    assert charge(catalog, 2) is None
    begun("by hand in the Prefect UI")
    assert charge(catalog, 0) == 2
    assert charge(catalog, 0) == 2  # the same run, tried again
    assert submission_of(catalog.database, "small").flow_run_id == "by hand in the Prefect UI"
    begun("run-1")
    assert charge(catalog, 1) is None


@pytest.mark.slow
@pytest.mark.parametrize(("state", "again"), [("failed", 2), ("paused", None), ("cancelled", None), ("done", None)])
def test_a_failed_run_that_is_retried_takes_charge_again(catalog: Catalog, planned, begun, state, again) -> None:
    transition(catalog.database, "small", state, from_states=["active"])
    assert charge(catalog, 1) == again
    assert submission_of(catalog.database, "small").state == ("active" if again else state)
    if again:
        transition(catalog.database, "small", "failed", from_states=["active"])
        assert charge(catalog, 1) == 3  # and once more


@pytest.mark.parametrize("state", ["paused", "cancelled", "done", "failed"])
def test_a_run_begun_by_hand_goes_on_with_what_stands_still(catalog: Catalog, planned, begun, state) -> None:
    transition(catalog.database, "small", state, from_states=["active"])
    assert charge(catalog, 0) == 2
    assert submission_of(catalog.database, "small").state == "active"


def test_trouble_of_the_machine_is_forgiven_to_who_tries_again(catalog: Catalog, planned, begun) -> None:
    keys = [candidate.render_key for candidate in planned.songs[0].candidates]
    for key, error in zip(
        keys, (MachineError("the disk is full"), WorkError("these words cannot be sung")), strict=True
    ):
        catalog.ledger.fail(catalog.ledger.claim("render", key), error, seconds=0.1, execution=HERE)
    transition(catalog.database, "small", "failed", from_states=["active"])
    assert charge(catalog, 1) == 2
    assert [key for _, key, _ in failed_work(catalog.database)] == keys[1:]


def test_an_album_of_nobody_is_named(catalog: Catalog) -> None:
    with pytest.raises(InputError, match="never submitted"):
        charge(catalog, 1)


def test_an_album_whose_songs_failed_has_their_reasons(catalog: Catalog, planned) -> None:
    submission = submission_of(catalog.database, "small")
    produced = PipelineResult(None, {"one": WorkError("no take passed", remedy="Add seeds")})
    with pytest.raises(WorkError, match="no take passed"):
        asyncio.run(_close(catalog, submission, produced, AlbumArtifacts(catalog, planned), title="Small"))
    status = submission_of(catalog.database, "small")
    assert (status.state, status.reason) == ("failed", "no take passed. Add seeds.")


def test_an_album_that_was_stopped_early_is_done(catalog: Catalog, planned) -> None:
    submission = submission_of(catalog.database, "small")
    asyncio.run(_close(catalog, submission, PipelineResult(None, {}), AlbumArtifacts(catalog, planned), title="Small"))
    assert submission_of(catalog.database, "small").state == "done"


@pytest.mark.slow
@pytest.mark.parametrize(("run_id", "state"), [("run-1", "cancelled"), ("an older run", "active")])
def test_cancelling_the_run_in_charge_in_the_prefect_ui_cancels_the_album(
    catalog: Catalog, planned, monkeypatch: pytest.MonkeyPatch, run_id, state
) -> None:
    farm = FakeFarm()
    monkeypatch.setattr(produce_album, "PrefectRunLauncher", lambda: farm)
    monkeypatch.setattr(produce_album, "open_run_catalog", lambda: nullcontext(catalog))
    set_flow_run_id(catalog.database, "small", "run-1", attempt=1)
    order = {"work": {"album": "small", "attempt": 1}}
    produce_album.note_cancelled(None, SimpleNamespace(id=run_id, parameters=order), None)
    assert submission_of(catalog.database, "small").state == state
