"""Albums on work pools as the catalog holds them: their plan read back, their standing, their shards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.ledger.submissions import (
    SubmissionRequest,
    claim_attempt,
    declare_shard,
    live_leases,
    release_expired_leases,
    set_flow_run_id,
    set_shard_flow_run_id,
    shards_of_album,
    spent_s,
    submission_of,
    submissions,
    submit,
    transition,
)
from catalog.ledger.work import Lease
from catalog.plan.retakes import offer_retakes, parent_take
from catalog.plan.storage import part_of, stored_plan
from db.tables.album import Render
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tasks.rendering.render_shard import render_shard
from tests.support.albums import album_document, write_album
from tests.support.covers import png
from tests.support.inline_executor import HERE

pytestmark = pytest.mark.both_databases


@pytest.fixture
def planned(catalog: Catalog, settings, tmp_path: Path):
    folder = tmp_path / "album"
    folder.mkdir()
    (folder / "cover.png").write_bytes(png())
    head = {"id": "small", "title": "Small", "artist": "Ada Vale", "year": 2026, "cover": "cover.png"}
    song = album_document()["songs"][0] | {
        "lyrics": "[ar:Ada]\n[offset:250]\n[00:02.00]One\n[00:05.00]Two\n",
        "bpm": 96.5,
    }
    changes = {"album": head, "songs": [song, album_document()["songs"][1]]}
    changes["mastering"] = {"profile": "loud", "mode": "album"}
    changes["selection"] = {"min_candidates": 2, "gates": {"tail_silence_s": {"max": 5}}}
    album = read_album(write_album(folder, album_document(**changes)), settings)
    return declare_album(catalog, album)


@pytest.mark.slow
def test_a_plan_is_read_back_as_it_was_stored(catalog: Catalog, planned) -> None:
    found = stored_plan(catalog.database, "small")
    assert found.album.cover.name == "cover.png"
    paths = {"cover": None, "warnings": (), "hints": ()}
    assert replace(found.album, **paths) == replace(planned.album, **paths)
    assert (found.digest, found.policy, found.cover_digest) == (planned.digest, planned.policy, planned.cover_digest)
    assert found.songs == planned.songs
    assert catalog.store.stat(found.cover_digest) is not None


@pytest.mark.slow
def test_a_plan_read_back_has_the_retakes_and_lacks_what_is_no_longer_asked_for(
    catalog: Catalog, settings, planned, tmp_path: Path
) -> None:
    parent = parent_take(catalog.database, planned.songs[0].candidates[0].id)
    recipe = planned.songs[1].candidates[0].recipe
    offer_retakes(catalog.database, parent, [recipe], lyrics=None)
    assert [c.parent for c in stored_plan(catalog.database, "small").songs[0].candidates] == [None, None, parent.id]
    songs = [{**song, "seeds": [1]} for song in album_document()["songs"][1:]]
    declare_album(catalog, read_album(write_album(tmp_path / "less", album_document(songs=songs)), settings))
    (song,) = stored_plan(catalog.database, "small").songs
    assert (song.song.id, [c.seed for c in song.candidates]) == ("two", [1])


@pytest.mark.slow
def test_a_part_of_a_plan_keeps_the_songs_and_candidates_that_are_named(planned) -> None:
    key = planned.songs[1].candidates[1].render_key
    (song,) = part_of(planned, renders={key}).songs
    assert (song.song.id, [c.render_key for c in song.candidates]) == ("two", [key])
    assert [s.song.id for s in part_of(planned, songs={"one"}).songs] == ["one"]
    assert len(part_of(planned, songs={"one"}).album.songs) == 2  # tags count all tracks of the album


def test_the_same_wish_changes_nothing_and_another_takes_a_new_attempt(catalog: Catalog, planned) -> None:
    request = SubmissionRequest("small", planned.digest)
    first = submit(catalog.database, request)
    assert (first.state, first.attempt, first.request) == ("active", 1, request)
    set_flow_run_id(catalog.database, "small", "run-1", attempt=1)
    assert submit(catalog.database, request).flow_run_id == "run-1"
    urgent = submit(catalog.database, SubmissionRequest("small", planned.digest, priority="urgent"))
    assert (urgent.attempt, urgent.flow_run_id) == (2, None)
    assert submissions(catalog.database, state="active") == [urgent]


def test_states_change_only_from_where_they_may_and_under_the_attempt_in_charge(catalog: Catalog, planned) -> None:
    submit(catalog.database, SubmissionRequest("small", planned.digest))
    assert not transition(catalog.database, "small", "done", from_states=["active"], attempt=2)
    assert transition(catalog.database, "small", "paused", from_states=["active"], attempt=1, reason="x" * 5000)
    assert len(submission_of(catalog.database, "small").reason) == 2000
    assert claim_attempt(catalog.database, "small", after=1) is None  # only what is active has someone in charge
    again = submit(catalog.database, SubmissionRequest("small", planned.digest))
    assert (again.state, again.attempt, again.reason) == ("active", 2, None)
    assert claim_attempt(catalog.database, "small", after=2) == 3
    assert claim_attempt(catalog.database, "small", after=2) is None


@pytest.mark.slow
def test_a_shard_counts_the_runs_it_was_handed_to(catalog: Catalog, planned) -> None:
    submit(catalog.database, SubmissionRequest("small", planned.digest))
    keys = [c.render_key for c in planned.songs[0].candidates]
    assert [declare_shard(catalog.database, "small", keys, forecast_s=2.0).attempt for _ in range(2)] == [1, 1]
    for attempt in (1, 2):  # a run that was never had counts for nothing
        first = declare_shard(catalog.database, "small", keys, forecast_s=2.0)
        set_shard_flow_run_id(catalog.database, first.key, f"run-{attempt}", attempt=attempt)
        assert first.attempt == attempt
    other = declare_shard(catalog.database, "small", keys[:1], forecast_s=1.0)
    assert [s.render_keys for s in shards_of_album(catalog.database, "small")] == [tuple(keys), other.render_keys]


@pytest.mark.slow
def test_what_was_spent_counts_from_the_moment_that_is_asked(catalog: Catalog, planned) -> None:
    keys = [c.render_key for c in planned.songs[0].candidates]
    since = submit(catalog.database, SubmissionRequest("small", planned.digest)).counted_from
    render_shard(catalog, keys, HERE)
    assert 0.05 < spent_s(catalog.database, keys, since=since) < 60
    assert spent_s(catalog.database, keys, since=since + 3600) == 0.0
    assert spent_s(catalog.database, [], since=0.0) == 0.0


def test_a_lease_that_ran_out_is_nobodys_and_is_freed(catalog: Catalog, planned) -> None:
    held, lost = (c.render_key for c in planned.songs[0].candidates)
    for key in (held, lost):
        assert isinstance(catalog.ledger.claim("render", key), Lease)
    with catalog.database.write() as session:
        session.get_one(Render, lost).lease_until = 1.0
    assert live_leases(catalog.database, [held, lost]) == {held}
    assert release_expired_leases(catalog.database) == 1
    assert catalog.ledger.statuses("render", [lost])[lost].state == "planned"
    assert catalog.ledger.statuses("render", [held])[held].state == "leased"
