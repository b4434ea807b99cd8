"""Freeing disk: what goes with an album or with old builds, and what stays since others need it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from catalog.catalog import Catalog
from catalog.common.errors import InputError, RefusedError
from catalog.common.settings import Settings
from catalog.housekeeping.disk_use import disk_use
from catalog.housekeeping.removal import plan_removal, remove_album, remove_old_builds
from catalog.housekeeping.repair import examine
from catalog.ledger.results import artifact_digests
from catalog.ledger.submissions import SubmissionRequest, submit
from catalog.ledger.work import Lease
from catalog.lineage.lineage import trace_all
from catalog.lineage.track_origins import origins_of_release
from catalog.monitoring.album_list import albums_of
from catalog.monitoring.figures import pipeline_figures
from catalog.plan.plan import set_current_release
from catalog.release.queries import release_by_key
from db.tables.album import Render
from db.tables.base import Base
from db.tables.provenance import Loss
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tasks.delivery.package.models_used import models_of
from tests.support.albums import album_document, write_album
from tests.support.covers import png
from tests.support.inline_executor import produce

pytestmark = pytest.mark.slow

SONGS = album_document()["songs"]
ONLY_ONE = {"songs": SONGS[:1]}
WAV = {"deliverables": ["wav24"]}


def made(catalog, tmp_path, album_id, **changes):
    """An album made from manifest to release: its release, and what had to be done."""
    document = album_document(**changes) | {"album": {"id": album_id, "title": album_id, "artist": "Ada Vale"}}
    album = read_album(write_album(tmp_path / album_id, document), catalog.settings)
    produced, executor = produce(catalog, declare_album(catalog, album))
    assert produced.failures == {}
    set_current_release(catalog.database, album_id, produced.release_key)
    return release_by_key(catalog.database, produced.release_key), executor


def digests(catalog):
    return {digest for digest, _ in artifact_digests(catalog.database)}


def counts(catalog):
    with catalog.database.read() as session:
        tables = Base.metadata.sorted_tables
        return {table.name: session.scalar(sa.select(sa.func.count()).select_from(table)) for table in tables}


@pytest.mark.both_databases
def test_an_album_goes_with_all_that_no_other_needs(catalog: Catalog, tmp_path: Path) -> None:
    first, _ = made(catalog, tmp_path, "first")
    lineage_before = json.dumps(_lineage(catalog, first), sort_keys=True)
    before = digests(catalog)
    # Shares renders and masters of one song; has another, and stems.
    second, _ = made(catalog, tmp_path, "second", songs=[SONGS[0], SONGS[1] | {"seeds": [9]}], stems="native", **WAV)
    use = {album.id: album for album in disk_use(catalog).albums}
    planned = plan_removal(catalog.database, "second")
    assert (planned.songs, planned.candidates, planned.builds) == (2, 3, (("second", 1),))
    assert sum(planned.freed.values()) == use["second"].own_bytes
    assert planned.shared_bytes == use["second"].shared_bytes > 0
    assert planned.freed["stems"] > 0
    assert planned.freed["candidates"] > 0
    assert counts(catalog)["album"] == 2  # planning removes nothing

    removal = remove_album(catalog.database, catalog.store, "second")
    assert removal.collected is not None
    assert sum(stored.size for stored in removal.collected.garbage) == sum(planned.freed.values())
    assert digests(catalog) == before
    assert {stored.digest for stored in catalog.store.listing()} == before
    assert examine(catalog.database, catalog.store, sorted(before)) == []
    assert json.dumps(_lineage(catalog, first), sort_keys=True) == lineage_before

    again, executor = made(catalog, tmp_path, "first")
    assert (executor.rendered, executor.steps, again.step_key) == ([], [], first.step_key)
    anew, executor = made(
        catalog, tmp_path, "second", songs=[SONGS[0], SONGS[1] | {"seeds": [9]}], stems="native", **WAV
    )
    assert len(executor.rendered) == 1  # the shared song is still there
    assert anew.build == 1
    assert anew.files["wav24/02 - Song Two.wav"] == second.files["wav24/02 - Song Two.wav"]

    with catalog.database.write() as session:  # somebody once accepted that bytes were lost
        lost = anew.files["wav24/01 - Song One.wav"]
        session.add(Loss(artifact_digest=lost, found="missing", accepted_by="ada"))
    for album in ("first", "second"):
        remove_album(catalog.database, catalog.store, album)
    assert set(counts(catalog).values()) == {0}
    assert list(catalog.store.listing()) == []


def _lineage(catalog, release):
    tracks, covers = origins_of_release(catalog.database, release.step_key)
    return trace_all(
        catalog.database,
        release.files,
        models_of=models_of(catalog.settings),
        album_id=release.album_id,
        tracks=tracks,
        album_inputs=covers,
    )


@pytest.mark.both_databases
def test_old_builds_go_and_what_newer_ones_are_made_of_stays(catalog: Catalog, tmp_path: Path) -> None:
    builds = [
        made(catalog, tmp_path, "first", mastering={"profile": profile}, **ONLY_ONE)[0]
        for profile in ("streaming", "apple", "broadcast")
    ]
    assert [release.build for release in builds] == [1, 2, 3]
    made(
        catalog, tmp_path, "first", mastering={"profile": "streaming"}, **ONLY_ONE
    )  # the album stands at build 1 again
    told = remove_old_builds(catalog.database, catalog.store, 1, dry_run=True)
    done = remove_old_builds(catalog.database, catalog.store, 1)
    assert told.builds == done.builds == (("first", 2),)
    assert told.freed == done.freed
    assert done.freed["masters"] > 0
    assert done.freed["candidates"] == 0
    assert release_by_key(catalog.database, builds[1].step_key) == builds[1]  # what it was stays
    gone = [digest for digest in builds[1].files.values() if catalog.store.stat(digest) is None]
    assert builds[1].files["mp3_320/01 - Song One.mp3"] in gone
    (entry,) = albums_of(catalog.database)
    assert (entry.build, entry.builds) == (1, 2)
    assert pipeline_figures(catalog.database).steps == {}  # nothing waits to be made again
    for release in (builds[0], builds[2]):
        assert release_by_key(catalog.database, release.step_key) == release
        assert all(catalog.store.verify(digest) for digest in release.files.values())
    kept = [digest for digest, pruned in artifact_digests(catalog.database) if not pruned]
    assert set(gone).isdisjoint(kept)
    assert examine(catalog.database, catalog.store, kept) == []
    assert disk_use(catalog).unassigned == 0
    assert remove_old_builds(catalog.database, catalog.store, 1).builds == ()
    release, executor = made(catalog, tmp_path, "first", mastering={"profile": "apple"}, **ONLY_ONE)
    assert executor.rendered == []
    assert release.build == 2  # the same content is the same build
    assert release.files["mp3_320/01 - Song One.mp3"] == builds[1].files["mp3_320/01 - Song One.mp3"]
    assert all(catalog.store.verify(digest) for digest in release.files.values())
    remove_album(catalog.database, catalog.store, "first")
    assert set(counts(catalog).values()) == {0}
    assert list(catalog.store.listing()) == []


@pytest.mark.both_databases
def test_nothing_is_taken_from_under_work_that_is_under_way(catalog: Catalog, tmp_path: Path) -> None:
    document = album_document(**ONLY_ONE)
    planned = declare_album(catalog, read_album(write_album(tmp_path / "small", document), catalog.settings))
    key = planned.songs[0].candidates[0].render_key
    assert isinstance(catalog.ledger.claim("render", key), Lease)
    with pytest.raises(RefusedError, match="a piece of work of small is under way"):
        remove_album(catalog.database, catalog.store, "small")
    with catalog.database.write() as session:
        session.execute(sa.update(Render).values(lease_until=0.0))  # its owner died
    submit(catalog.database, SubmissionRequest("small", planned.digest))
    with pytest.raises(RefusedError, match=r"is being made on work pools.*songline cancel small"):
        remove_album(catalog.database, catalog.store, "small")
    with pytest.raises(InputError, match="no album 'other' is in the catalog"):
        remove_album(catalog.database, catalog.store, "other")
    assert counts(catalog)["candidate"] == 2


def test_files_that_were_given_go_with_the_last_album_that_names_them(catalog: Catalog, tmp_path: Path) -> None:
    cover = png()
    for album in ("first", "second"):
        (tmp_path / album).mkdir()
        (tmp_path / album / "cover.png").write_bytes(cover)
        document = album_document(**ONLY_ONE) | {
            "album": {"id": album, "title": album, "artist": "Ada", "cover": "cover.png"}
        }
        declare_album(catalog, read_album(write_album(tmp_path / album, document), catalog.settings))
    (kept,) = digests(catalog)
    remove_album(catalog.database, catalog.store, "first")
    assert digests(catalog) == {kept}
    remove_album(catalog.database, catalog.store, "second")
    assert digests(catalog) == set()


def test_disk_use_counts_shared_bytes_once(catalog: Catalog, tmp_path: Path) -> None:
    for album in ("first", "second"):
        made(catalog, tmp_path, album, **ONLY_ONE)
    catalog.store.put_bytes(b"nobody's")
    use = disk_use(catalog)
    rows = sum(stored.size for stored in catalog.store.listing()) - len(b"nobody's")
    assert sum(use.store.values()) == rows
    assert use.garbage == len(b"nobody's")
    assert use.unassigned == 0
    assert sum(album.own_bytes for album in use.albums) + use.shared == rows
    assert all(album.bytes == album.own_bytes + album.shared_bytes for album in use.albums)
    assert use.other_folders["catalog"] > 0
    assert use.free > 0
    assert [album.id for album in disk_use(catalog, "second").albums] == ["second"]


def test_albums_are_listed_with_their_state(catalog: Catalog, tmp_path: Path) -> None:
    made(catalog, tmp_path, "first", **ONLY_ONE)
    document = album_document(**ONLY_ONE)
    planned = declare_album(
        catalog, read_album(write_album(tmp_path / "small", document | {"songs": SONGS[1:]}), catalog.settings)
    )
    first, small = albums_of(catalog.database)
    assert (first.id, first.state, first.songs, first.decided, first.builds, first.build) == (
        "first", "released", 1, 1, 1, 1,
    )  # fmt: skip
    assert (small.state, small.candidates, small.build, small.released_at) == ("planned", 2, None, None)
    submit(catalog.database, SubmissionRequest("small", planned.digest))
    assert albums_of(catalog.database)[1].state == "on work pools"


def test_bytes_that_the_store_does_not_remove_are_left_for_gc(
    catalog: Catalog, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.common.errors import StoreError
    from catalog.store.gc import collect_garbage

    made(catalog, tmp_path, "first", **ONLY_ONE)

    def fail(digest):
        raise StoreError("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(type(catalog.store), "delete", lambda self, digest: fail(digest))
        removal = remove_album(catalog.database, catalog.store, "first")
    assert removal.collected is not None
    assert removal.collected.garbage == ()
    assert removal.collected.error is not None
    assert set(counts(catalog).values()) == {0}
    collect_garbage(catalog.database, catalog.store, -60.0)
    assert list(catalog.store.listing()) == []


def test_bytes_that_an_old_build_left_behind_are_garbage(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a crash between rows and bytes leaves; bytes whose loss was accepted and that came back stay."""
    from catalog.store.gc import collect_garbage

    first, _ = made(catalog, tmp_path, "first", mastering={"profile": "streaming"}, **ONLY_ONE)
    made(catalog, tmp_path, "first", mastering={"profile": "apple"}, **ONLY_ONE)
    mp3, page = first.files["mp3_320/01 - Song One.mp3"], first.files["index.html"]
    with catalog.database.write() as session:
        session.add(Loss(artifact_digest=page, found="missing", accepted_by="ada"))
    with monkeypatch.context() as patch:
        patch.setattr("catalog.housekeeping.removal.collect_these", lambda *_: None)
        remove_old_builds(catalog.database, catalog.store, 1)
    assert catalog.store.stat(mp3) is not None
    assert disk_use(catalog).garbage > 0
    collect_garbage(catalog.database, catalog.store, -60.0)
    assert catalog.store.stat(mp3) is None
    assert catalog.store.stat(page) is not None


def test_what_no_album_needs_goes_with_old_builds_and_what_is_on_the_way_stays(
    catalog: Catalog, tmp_path: Path
) -> None:
    """Files that earlier plans named, and masters of plans that others replaced before they were released."""
    for cover in (png(), png(8, 8)):
        (tmp_path / "first").mkdir(exist_ok=True)
        (tmp_path / "first" / "cover.png").write_bytes(cover)
        named = {"album": {"id": "first", "title": "first", "artist": "Ada", "cover": "cover.png"}}
        document = album_document(**ONLY_ONE) | named
        declare_album(catalog, read_album(write_album(tmp_path / "first", document), catalog.settings))
    quiet = {"mastering": {"profile": "broadcast"}} | ONLY_ONE
    document = album_document(**quiet) | {"album": {"id": "first", "title": "first", "artist": "Ada Vale"}}
    planned = declare_album(catalog, read_album(write_album(tmp_path / "first", document), catalog.settings))
    produce(catalog, planned, until="master")
    before = disk_use(catalog).unassigned
    assert before > 0
    remove_old_builds(catalog.database, catalog.store, 1)
    assert 0 < disk_use(catalog).unassigned < before  # the master of the present plan is on the way to its release
    made(catalog, tmp_path, "first", **ONLY_ONE)
    assert disk_use(catalog).unassigned > 0
    told = remove_old_builds(catalog.database, catalog.store, 1, dry_run=True)
    done = remove_old_builds(catalog.database, catalog.store, 1)
    assert told.builds == done.builds == ()
    assert sum(told.freed.values()) == sum(done.freed.values()) > 0
    assert disk_use(catalog).unassigned == 0
    kept = [digest for digest, pruned in artifact_digests(catalog.database) if not pruned]
    assert {stored.digest for stored in catalog.store.listing()} == set(kept)
    assert examine(catalog.database, catalog.store, kept) == []
