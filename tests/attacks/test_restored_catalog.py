"""A restored catalog, or rows that a worker's role wrote, name paths: nothing is written, read or removed by them."""

from __future__ import annotations

import json
import os
import tracemalloc
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from catalog.album.document import album_of, manifest_document
from catalog.backup import backup
from catalog.backup.rows import load, read_lines, require_empty
from catalog.catalog import Catalog, open_catalog
from catalog.common.digests import digest_bytes
from catalog.common.errors import CatalogError, RefusedError, SonglineError, StoreError
from catalog.common.settings import Settings
from catalog.files import owners
from catalog.files.confined import confined, confined_id, path_fault
from catalog.ledger.recording import record_artifact
from catalog.release.queries import ReleaseRow
from db.tables.album import Album
from db.tables.provenance import Activity
from db.tables.release import Release, ReleaseFile
from flows.cli.admin.housekeeping import export
from flows.planning.read_manifest import read_album
from tasks.delivery.package.export import write_release
from tasks.delivery.package.naming import safe_file_name
from tests.support.albums import album_document, write_album

EVIL = [
    "../evil",
    "a/../../evil",
    "/tmp/songline-evil",
    "",
    ".",
    "a//b",
    "a/./b",
    "a/..",
    "..\\evil",
    "C:evil",
    "c:/evil",
    "evil\0.wav",
    "evil\n.wav",
    "NUL",
    "con.wav",
    "wav24/Com1.wav",
    "x" * 300,
    "a/" * 600 + "b",
]
GOOD = ["release.json", "wav24/01 - Last Bus Home.wav", "stems/01 - ü (Live)/mix.wav", "con-air.wav", "…/a", "a..b"]


@pytest.mark.parametrize("name", EVIL)
def test_a_path_from_elsewhere_that_leaves_its_folder_is_refused(name, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="which is not used"):
        confined(tmp_path, name, named_by="the catalog")


@pytest.mark.parametrize("name", GOOD)
def test_a_path_that_a_release_has_is_taken(name, tmp_path: Path) -> None:
    assert confined(tmp_path, name, named_by="the catalog") == tmp_path / name


def test_a_link_in_the_folder_does_not_lead_out_of_it(tmp_path: Path) -> None:
    inner, outer = tmp_path / "in", tmp_path / "out"
    inner.mkdir()
    outer.mkdir()
    (inner / "link").symlink_to(outer)
    (inner / "circle").symlink_to("circle")
    for name in ("link/file", "link", "circle/file"):
        with pytest.raises(RefusedError, match="link"):
            confined(inner, name, named_by="the catalog")


@pytest.fixture
def packed(catalog: Catalog, tmp_path: Path):
    """A release of two files in the store."""
    digests = [catalog.store.put_bytes(data).digest for data in (b"{}\n", b"evil\n")]
    return ReleaseRow("small", 1, {}, {"release.json": digests[0], "evil.wav": digests[1]}, "a" * 64, 1e9)


def test_a_file_of_a_release_is_not_written_outside_of_it(catalog: Catalog, packed, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    before = sorted(tmp_path.rglob("*"))
    for name in EVIL:
        evil = replace(packed, files={"release.json": packed.files["release.json"], name: packed.files["evil.wav"]})
        with pytest.raises(RefusedError):
            write_release(catalog, evil, out)
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/tmp/songline-evil").exists()


def test_a_release_does_not_take_the_place_of_a_folder_outside(catalog: Catalog, packed, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "release.json").write_text("another's")
    for album in ("..", "../other", "/tmp/songline-evil", "a/b", ".hidden", "", "con", "a b", "x\n"):
        with pytest.raises(RefusedError, match="no id"):
            write_release(catalog, replace(packed, album_id=album), tmp_path / "out")
    assert (other / "release.json").read_text() == "another's"
    assert not Path("/tmp/songline-evil").exists()


def test_an_honest_release_is_written(catalog: Catalog, packed, tmp_path: Path) -> None:
    assert sorted(p.name for p in write_release(catalog, packed, tmp_path).folder.iterdir()) == [
        "evil.wav",
        "release.json",
    ]


def test_a_huge_document_in_the_place_of_a_release_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_catalog(Settings(home=tmp_path / "home")) as catalog:
        add_release(catalog, album="small", path="evil.wav")
    monkeypatch.setenv("SONGLINE_HOME", str(tmp_path / "home"))
    export("small", tmp_path / "out", as_json=True)
    os.truncate(tmp_path / "out" / "small" / "release.json", 512 << 20)
    tracemalloc.start()
    try:
        export("small", tmp_path / "out", as_json=True)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert (tmp_path / "out" / "small" / "release.json").stat().st_size < 100


def test_a_release_without_its_document_ends_in_a_sentence(catalog: Catalog, packed, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"has no release\.json"):
        write_release(catalog, replace(packed, files={}), tmp_path)


def a_backup(catalog, folder: Path) -> Path:
    backup.back_up(catalog.database, catalog.store, folder)
    return folder / "backup.json"


def test_a_backup_names_no_catalog_outside_of_its_folder(catalog: Catalog, tmp_path: Path) -> None:
    document = a_backup(catalog, tmp_path / "backup")
    (whole,) = (tmp_path / "backup").glob("catalog-*")
    (tmp_path / "elsewhere.gz").write_bytes(whole.read_bytes())
    (tmp_path / "backup" / "link.gz").symlink_to(tmp_path / "elsewhere.gz")
    (tmp_path / "backup" / "inner.gz").symlink_to(whole)
    said = json.loads(document.read_text())
    for name in ("../elsewhere.gz", "/etc/hostname", "link.gz", "inner.gz", "", 7):
        document.write_text(json.dumps(said | {"catalog": name}))
        with pytest.raises(SonglineError):
            backup.read_backup(tmp_path / "backup")


def test_a_backup_is_not_written_through_a_link(catalog: Catalog, tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.write_text("mine")
    folder = tmp_path / "backup"
    folder.mkdir()
    (folder / ".lock").touch()
    for name in ("catalog.part", "backup.json.part"):
        (folder / name).symlink_to(private)
    a_backup(catalog, folder)
    assert private.read_text() == "mine"


def test_a_row_names_no_artifact_outside_of_the_store(catalog: Catalog) -> None:
    questions = (catalog.store.stat, catalog.store.verify, catalog.store.local, catalog.store.delete)
    digests = ("../../../../evil", "", None, 7, "A" * 64, "a" * 63 + "/")
    for question, digest in product(questions, digests):
        with pytest.raises(StoreError, match="no SHA-256 digest"):
            question(digest)


def test_the_owner_in_a_row_is_no_path(catalog: Catalog, tmp_path: Path) -> None:
    """Before, any file counted as the lock of a dead process, and a pipe stopped the command."""
    real = owners.LeaseOwner(catalog.owners_folder)
    start = real.name.rpartition("-")[0]
    real.release()
    (tmp_path / "any").touch()
    os.mkfifo(catalog.owners_folder / f"{start}-pipe")
    (catalog.owners_folder / f"{start}-").mkdir()
    assert not owners.is_dead(catalog.owners_folder, f"{start}-/../../../any")
    owners.is_dead(catalog.owners_folder, f"{start}-pipe")


def test_a_stored_plan_names_no_file_of_this_machine(settings) -> None:
    document = manifest_document(read_album(write_album(settings.home / "album", album_document()), settings))
    document["album"]["cover"] = "/etc/passwd"
    document["songs"][0]["reference"] = {"name": "../../etc/shadow", "digest": "a" * 64}
    album = album_of(document)
    assert (album.cover, album.songs[0].reference) == (Path("passwd"), Path("shadow"))


def test_every_path_that_a_release_ever_had_passes(tmp_path: Path) -> None:
    """Names that packing makes of the worst titles are no reason to refuse an honest release."""
    titles = ["CON", "NUL.wav", "C:\\x", "../..", "a" * 500, "\u202eevil", "…", "", " . ", "aux", "com1", "日本", "a:b"]
    for position, title in enumerate(titles, 1):
        assert path_fault(f"wav24/{safe_file_name(position, title)}.wav") is None
        assert path_fault(f"stems/{safe_file_name(position, title)}/mix.wav") is None
    assert confined_id("night-bus", named_by="the catalog") == "night-bus"


def test_a_restored_catalog_writes_nothing_outside_of_the_folder_of_an_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From end to end: the rows come back as they were written, and no path is made of them."""
    folder, other = tmp_path / "backup", tmp_path / "other"
    with open_catalog(Settings(home=tmp_path / "home")) as catalog:
        add_release(catalog, album="../other", path="../../evil")
        add_release(catalog, album="small", path="../../evil")
        backup.back_up(catalog.database, catalog.store, folder)
    other.mkdir()
    (other / "release.json").write_text("another's")
    with open_catalog(Settings(home=tmp_path / "restored")) as catalog:
        backup.restore(catalog.database, catalog.store, folder)
    monkeypatch.setenv("SONGLINE_HOME", str(tmp_path / "restored"))
    for album in ("../other", "small"):
        with pytest.raises(RefusedError):
            export(album, tmp_path / "out", as_json=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "home", "other", "restored"]
    assert (other / "release.json").read_text() == "another's"


def add_release(catalog, *, album: str, path: str) -> None:
    """An album with a release in the catalog, as somebody with the right to write rows makes it."""
    kept = {name: catalog.store.put_bytes(name.encode()) for name in ("release.json", path)}
    key = digest_bytes(album.encode())
    with catalog.database.write() as session:
        for artifact in kept.values():
            record_artifact(session, artifact, media_type="text/plain")
        facts = {"parameters": {}, "environment": {}, "revision": 1, "attempt": 1, "started_at": 1.0, "seconds": 1.0}
        words = {"kind": "pack", "outcome": "done", "code_version": "x", "device": "cpu"}
        session.add(Activity(id=key[:32], work_key=key, **facts, **words))
        session.add(Album(id=album, title="x", manifest={}, manifest_digest=key, release_key=key))
        session.flush()
        release = Release(album_id=album, build=1, step_key=key, activity_id=key[:32], document={})
        session.add(release)
        session.flush()
        for name, artifact in kept.items():
            session.add(ReleaseFile(release_id=release.id, path=name, artifact_digest=artifact.digest))


ALBUM = {"table": "album", "columns": ["id", "title"]}
NO_DUMPS = {
    "a number": [7],
    "null": [None],
    "a table that is none": [{"table": "sqlite_master", "columns": ["name"]}],
    "a table without columns": [{"table": "album"}],
    "a column that is none": [{"table": "album", "columns": ["evil"]}, ["x"]],
    "too few values": [ALBUM, ["x"]],
    "a row of no table": [["x"]],
    "a value of another kind": [ALBUM, [{"x": 1}, "x"]],
    "a table by a number": [{"table": 7, "columns": []}],
    "a list as a table": [{"table": [], "columns": []}],
}


@pytest.mark.parametrize("lines", NO_DUMPS.values(), ids=NO_DUMPS)
def test_a_backup_that_is_no_dump_ends_in_a_sentence(lines, catalog: Catalog) -> None:
    dump = [{"schema": "0001"}, *lines, {"end": {}}]
    with pytest.raises(CatalogError):
        load(catalog.database, read_lines(json.dumps(line) + "\n" for line in dump))
    require_empty(catalog.database)
