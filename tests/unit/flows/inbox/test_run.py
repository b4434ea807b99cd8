"""Nights over an inbox in a folder and in buckets: what is taken, in which order, and what waits."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from catalog.catalog import Catalog
from catalog.ledger.submissions import submission_of, transition
from db.tables.album import Album as AlbumRow
from flows.inbox.parameters import InboxParameters
from flows.inbox.run import run_inbox
from tests.support.albums import LYRICS
from tests.support.covers import chunk, png
from tests.unit.flows.inbox.inboxes import (
    COVER,
    EVENING,
    FolderPlace,
    document,
    folder,
    night,
    offer,
    outcomes,
    place,
    pools,
    settings,
)

__all__ = ["folder", "night", "place", "pools", "settings"]


@pytest.mark.slow
def test_new_albums_are_taken_in_the_order_of_paths_and_once(place, pools, night, catalog: Catalog) -> None:
    for name in ("b", "a/deep/er", "c"):
        offer(place, name, name.replace("/", "-"))
    place.put("Z.yaml", json.dumps(document("alone", lyrics="c/lyrics/one.lrc")))
    place.put("readme.txt", "no manifest")
    first = night(place)
    assert [album for album, _ in pools.asked] == ["alone", "a-deep-er", "b", "c"]
    assert set(outcomes(first).values()) == {"taken"}
    assert first.left_as == "reports/2026-11-23T220000Z"
    told = json.loads(place.read("reports/2026-11-23T220000Z.json"))
    assert told["counts"] == {"taken": 4, "left": 0, "faulty": 0, "unchanged": 0}
    assert [each["manifest"] for each in told["taken"]] == list(outcomes(first))
    assert "Album b" in place.read("reports/2026-11-23T220000Z.md").decode()
    assert submission_of(catalog.database, "b").request.priority == "batch"

    again = night(place)
    assert set(outcomes(again).values()) == {"unchanged"}
    assert again.left_as == "reports/2026-11-23T220000Z-2"
    assert len(pools.asked) == 4


@pytest.mark.slow
def test_a_cover_that_an_older_version_stored_as_it_stood_is_no_change(
    tmp_path: Path, pools, night, catalog: Catalog
) -> None:
    """Older versions kept the file's own bytes, its metadata included."""
    place = FolderPlace(tmp_path / "inbox")
    raw = png(beside=chunk(b"tEXt", b"Comment\0taken at home"))
    covered = document("c")
    covered["album"]["cover"] = "cover.png"
    place.put("c/album.yaml", json.dumps(covered))
    place.put("c/lyrics/one.lrc", LYRICS)
    place.put("c/cover.png", raw)
    night(place)
    assert transition(catalog.database, "c", "done", from_states=["active"])
    stored = catalog.add_bytes(raw, media_type="image/png")
    with catalog.database.write() as session:
        session.execute(sa.update(AlbumRow).values(cover_digest=stored))
    assert set(outcomes(night(place)).values()) == {"unchanged"}
    place.put("c/cover.png", png(2, 2))
    assert set(outcomes(night(place)).values()) == {"taken"}


@pytest.mark.slow
def test_a_changed_manifest_lyrics_file_or_cover_is_taken_again(place, pools, night, catalog: Catalog) -> None:
    offer(place, "a", "a")
    offer(place, "b", "b")
    offer(place, "c", "c")
    covered = document("c")
    covered["album"]["cover"] = "art/cover.png"
    place.put("c/album.yaml", json.dumps(covered))
    place.put("c/art/cover.png", COVER)
    night(place)
    for album in "abc":
        assert transition(catalog.database, album, "done", from_states=["active"])
    assert set(outcomes(night(place)).values()) == {"unchanged"}

    place.put("a/lyrics/one.lrc", LYRICS.replace("wire", "road"))
    place.put("c/art/cover.png", png(2, 2))
    report = night(place)
    assert outcomes(report) == {"a/album.yaml": "taken", "b/album.yaml": "unchanged", "c/album.yaml": "taken"}
    assert [album for album, _ in pools.asked] == ["a", "b", "c", "a", "c"]


@pytest.mark.slow
def test_the_budget_is_served_in_order_and_the_rest_waits(place, pools, night, catalog: Catalog) -> None:
    for name in "abcd":
        offer(place, name, name, seeds=range(10))
    place.put("d/album.yaml", json.dumps(document("d", seeds=range(10))))
    need = night(place, window="22:00-22:01", at=EVENING - timedelta(hours=1)).entries
    assert [(entry.outcome, entry.why) for entry in need] == [("left", "it is outside of the hours 22:00-22:01")] * 4
    dry = run_inbox(
        catalog, InboxParameters(place=place.place, max_gpu_minutes=1000), submit=None, clock=lambda: EVENING
    )
    assert dry.left_as is None
    assert dry.dry_run
    assert pools.asked == []
    minutes = dry.entries[0].gpu_minutes

    report = night(place, max_gpu_minutes=2.5 * minutes)
    assert list(outcomes(report).values()) == ["taken", "taken", "taken", "left"]
    assert [granted for _, granted in pools.asked] == pytest.approx([1.25 * minutes, 1.25 * minutes, 0.5 * minutes])
    assert report.taken_minutes == pytest.approx(2.5 * minutes)
    assert "for a part of it" in report.entries[2].why

    # Another run of the same night has what the first left: nothing.
    again = night(place, max_gpu_minutes=2.5 * minutes, at=EVENING + timedelta(minutes=5))
    assert list(outcomes(again).values()) == ["unchanged", "unchanged", "unchanged", "left"]
    assert len(pools.asked) == 3


@pytest.mark.slow
def test_an_album_that_its_budget_paused_goes_on_another_night(folder, pools, night, catalog: Catalog) -> None:
    offer(folder, "a", "a")
    offer(folder, "b", "b")
    offer(folder, "c", "c")
    night(folder, max_gpu_minutes=100)
    transition(
        catalog.database, "a", "paused", from_states=["active"], reason="the budget of 3 GPU minutes is spent; 2 left"
    )
    transition(catalog.database, "b", "paused", from_states=["active"], reason="paused by hand")
    transition(catalog.database, "c", "cancelled", from_states=["active"])
    report = night(folder, max_gpu_minutes=50, at=EVENING + timedelta(days=1))
    assert list(outcomes(report).values()) == ["taken", "unchanged", "unchanged"]
    assert submission_of(catalog.database, "a").state == "active"
    assert submission_of(catalog.database, "b").state == "paused"
    assert submission_of(catalog.database, "c").state == "cancelled"
    offer(folder, "c", "c", seeds=(1, 2, 3))
    assert outcomes(night(folder))["c/album.yaml"] == "taken"


def test_hours_bound_what_is_taken(folder, pools, night) -> None:
    for name in "ab":
        offer(folder, name, name, seeds=range(10))
    early = night(folder, window="22:00-06:00", time_zone="UTC", at=EVENING - timedelta(seconds=1))
    assert set(outcomes(early).values()) == {"left"}
    late = night(folder, window="22:00-06:00", time_zone="UTC", at=EVENING + timedelta(hours=8, seconds=-0.5))
    assert set(outcomes(late).values()) == {"left"}
    assert "GPU minutes" in late.entries[0].why
    assert set(outcomes(night(folder, window="22:00-06:00", time_zone="UTC")).values()) == {"taken"}
    assert len(pools.asked) == 2


def test_no_more_albums_than_asked_for(folder, pools, night) -> None:
    for name in "abc":
        offer(folder, name, name)
    assert list(outcomes(night(folder, max_albums=2)).values()) == ["taken", "taken", "left"]
    assert list(outcomes(night(folder, max_albums=2)).values()) == ["unchanged", "unchanged", "taken"]


@pytest.mark.slow
def test_one_stage_further_is_asked_for_again(folder, pools, night, catalog: Catalog) -> None:
    offer(folder, "a", "a")
    night(folder, until="select")
    transition(catalog.database, "a", "done", from_states=["active"])
    assert outcomes(night(folder, until="score")) == {"a/album.yaml": "unchanged"}
    assert outcomes(night(folder)) == {"a/album.yaml": "taken"}
