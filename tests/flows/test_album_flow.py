"""Who is in charge of a submitted album, and what its end is noted as."""

from __future__ import annotations

import asyncio

import pytest

from catalog.errors import InputError, MachineError, WorkError
from catalog.queries import failed_work
from catalog.submissions import Wish, move, submission_of, submit
from flows.album_flow import _charge, _close
from flows.line import Produced
from flows.orders import AlbumWork
from flows.planning import declare_album
from flows.reading import read_album
from tests.support import HERE, album_document, write_album


@pytest.fixture
def planned(house, settings, tmp_path):
    planned = declare_album(house, read_album(write_album(tmp_path / "album", album_document()), settings))
    submit(house.database, Wish("small", planned.digest))
    return planned


def charge(house, attempt):
    found = _charge(house, AlbumWork(album="small", attempt=attempt))
    return found.attempt if found else None


def test_only_the_newest_attempt_is_in_charge(house, planned):
    assert charge(house, 1) == 1
    assert charge(house, 2) is None
    assert charge(house, 0) == 2  # begun by hand in the Prefect UI
    assert charge(house, 1) is None
    assert submission_of(house.database, "small").flow_run_id is not None  # so that no other run is asked for


@pytest.mark.parametrize(("state", "again"), [("failed", 1), ("paused", None), ("cancelled", None), ("done", None)])
def test_a_failed_run_that_is_retried_takes_charge_again(house, planned, state, again):
    move(house.database, "small", state, only_from=["active"])
    assert charge(house, 1) == again
    assert submission_of(house.database, "small").state == ("active" if again else state)


def test_trouble_of_the_machine_is_forgiven_to_who_tries_again(house, planned):
    keys = [candidate.render_key for candidate in planned.songs[0].candidates]
    for key, error in zip(
        keys, (MachineError("the disk is full"), WorkError("these words cannot be sung")), strict=True
    ):
        house.ledger.fail(house.ledger.claim("render", key), error, seconds=0.1, circumstances=HERE)
    move(house.database, "small", "failed", only_from=["active"])
    assert charge(house, 1) == 1
    assert [key for _, key, _ in failed_work(house.database)] == keys[1:]


def test_an_album_of_nobody_is_named(house):
    with pytest.raises(InputError, match="never submitted"):
        charge(house, 1)


def test_an_album_whose_songs_failed_has_their_reasons(house, planned):
    submission = submission_of(house.database, "small")
    produced = Produced(None, {"one": WorkError("no take passed", remedy="Add seeds")})
    with pytest.raises(WorkError, match="no take passed"):
        asyncio.run(_close(house, submission, produced, title="Small"))
    standing = submission_of(house.database, "small")
    assert (standing.state, standing.reason) == ("failed", "no take passed. Add seeds.")


def test_an_album_that_was_stopped_early_is_done(house, planned):
    asyncio.run(_close(house, submission_of(house.database, "small"), Produced(None, {}), title="Small"))
    assert submission_of(house.database, "small").state == "done"
