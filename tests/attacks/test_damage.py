"""A damaged or foreign catalog, and things in the place of others: told honestly."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.attacks.damaged_home import blob, catalog, honest, log_of_a_killed_process
from tests.attacks.small_album import Run, run, small

__all__ = ["run", "small"]


def overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def header(folder: Path) -> None:
    overwrite(catalog(folder), 0, b"\0" * 100)


def middle(folder: Path) -> None:
    size = catalog(folder).stat().st_size
    for page in range(3, size // 4096, 2):
        overwrite(catalog(folder), page * 4096, os.urandom(4096))


def cut(folder: Path) -> None:
    os.truncate(catalog(folder), catalog(folder).stat().st_size // 2)


def stub(folder: Path) -> None:
    os.truncate(catalog(folder), 60)


def nothing(folder: Path) -> None:
    os.truncate(catalog(folder), 0)


def words(folder: Path) -> None:
    catalog(folder).write_text("Dear diary, today I wrote into the wrong file.\n" * 300)


def root_page(folder: Path) -> None:
    overwrite(catalog(folder), 100, os.urandom(3996))


DAMAGES = [header, middle, cut, stub, nothing, words, root_page]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_catalog_is_called_damaged_and_restore_is_the_remedy(small: Path, run: Run, damage) -> None:
    damage(small)
    before = catalog(small).read_bytes()
    said = run("verify", home=small / "home")
    assert said.code == 4
    honest(said, str(catalog(small)), "damaged", "songline restore")
    assert catalog(small).read_bytes() == before
    for command in (("status", "small"), ("render", small / "album" / "album.yaml", "--out", small / "out")):
        told = run(*command, home=small / "home")
        assert "Traceback" not in told.err


@pytest.mark.parametrize("damage", [header, middle, nothing])
def test_a_backup_takes_the_place_of_what_was_damaged(small: Path, run: Run, damage) -> None:
    home = small / "home"
    assert run("backup", small / "backup", home=home).code == 0
    damage(small)
    said = run("verify", home=home)
    honest(said, f"songline restore {small / 'backup'}")
    restored = run("restore", small / "backup", home=home)
    assert restored.code == 0, restored.err
    assert "set aside" in restored.err
    assert (home / "catalog.sqlite3.damaged-1").exists()
    assert json.loads(run("verify", "--json", home=home).out)["missing"] == []
    assert run("lineage", small / "out" / "small" / "mp3_320" / "01 - Song One.mp3", home=home).code == 0


def test_the_copy_before_a_migration_is_named_where_there_is_no_backup(small: Path, run: Run) -> None:
    shutil.copyfile(catalog(small), f"{catalog(small)}.before-0004")
    header(small)
    honest(run("status", "small", home=small / "home"), "catalog.sqlite3.before-0004")


def test_a_whole_catalog_is_not_set_aside_by_restore(small: Path, run: Run) -> None:
    assert run("backup", small / "backup", home=small / "home").code == 0
    assert run("restore", small / "backup", home=small / "home").code == 3
    assert not list((small / "home").glob("*.damaged-*"))


@pytest.mark.parametrize("at", [0, 32 + 24 + 200])
def test_committed_changes_in_an_overwritten_log_are_not_dropped_in_silence(small: Path, run: Run, at: int) -> None:
    log = log_of_a_killed_process(small, 5)
    overwrite(log, at, os.urandom(64))
    said = run("status", "small", home=small / "home")
    assert said.code == 4
    honest(said, "write-ahead log", "restore")


def test_the_log_of_a_killed_process_is_no_damage_nor_is_its_torn_end(small: Path, run: Run) -> None:
    log = log_of_a_killed_process(small, 3)
    os.truncate(log, log.stat().st_size - 100)
    assert run("verify", home=small / "home").code == 0


@pytest.mark.parametrize("revision", ["9f2ab4c1d7e0", "banana", "", "4"])
def test_a_revision_that_nobody_wrote_is_neither_newer_nor_ours(small: Path, run: Run, revision: str) -> None:
    with closing(sqlite3.connect(catalog(small), isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    before = catalog(small).read_bytes()
    said = run("status", "small", home=small / "home")
    assert said.code == 4
    honest(said, "no Songline ever wrote")
    assert "newer" not in said.err
    assert catalog(small).read_bytes() == before


def test_a_newer_catalog_is_still_called_newer(small: Path, run: Run) -> None:
    with closing(sqlite3.connect(catalog(small), isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    honest(run("status", "small", home=small / "home"), "newer Songline", "Upgrade")


@pytest.mark.parametrize("version", [None, "0001", "8f1c"])
def test_no_tables_are_made_in_the_database_of_another_program(tmp_path: Path, run: Run, version: str | None) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with closing(sqlite3.connect(home / "catalog.sqlite3", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
        if version:
            connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
            connection.execute("INSERT INTO alembic_version VALUES (?)", (version,))
    said = run("status", "small", home=home)
    assert said.code == 4
    honest(said, "another program" if version != "8f1c" else "no Songline ever wrote", "SONGLINE_HOME")
    with closing(sqlite3.connect(home / "catalog.sqlite3")) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables <= {"bookmarks", "alembic_version"}


# --- things in the place of others


@pytest.mark.parametrize("name", ["catalog.sqlite3", "catalog.sqlite3.lock"])
def test_a_folder_in_the_place_of_a_file_of_the_home_is_named(small: Path, run: Run, name: str) -> None:
    (small / "home" / name).unlink(missing_ok=True)
    (small / "home" / name).mkdir()
    said = run("status", "small", home=small / "home")
    assert said.code == 4
    honest(said, name, "is a folder", "Move it away")


@pytest.mark.parametrize("name", ["", "owners", "scratch", "store", "store/objects"])
def test_a_file_in_the_place_of_a_folder_is_named(small: Path, run: Run, name: str) -> None:
    place = small / "home" / name
    shutil.rmtree(place)
    place.write_text("in the way")
    said = run("status", "small", home=small / "home")
    assert said.code == 4
    honest(said, str(place).rstrip("/"))
    assert "Free disk space" not in said.err
    assert place.read_text() == "in the way"


def folder_for_blob(path: Path) -> None:
    path.unlink()
    (path / "within").mkdir(parents=True)
    (path / "within" / "note.txt").write_text("kept")


def file_for_folder(path: Path) -> None:
    shutil.rmtree(path.parent.parent)
    path.parent.parent.write_text("kept")


@pytest.mark.parametrize("attack", [folder_for_blob, file_for_folder])
def test_something_else_in_the_place_of_bytes_is_found_and_mended(small: Path, run: Run, attack) -> None:
    home, path = small / "home", blob(small)
    attack(path)
    found = run("verify", "--json", home=home)
    assert found.code == 1
    document = json.loads(found.out)
    damaged = document["missing"] + document["corrupt"]
    assert path.name in damaged
    shutil.rmtree(small / "out")
    exported = run("export", "small", "--out", small / "out", home=home)
    assert exported.code == 4
    honest(exported, "verify --repair")
    assert any(digest[:12] in exported.err for digest in damaged)  # a folder that is gone may have held several
    assert run("gc", home=home).code == 0
    assert run("verify", "--repair", home=home).code == 0
    kept = [p.read_text() for p in (home / "store").rglob("note.txt")]  # until the next write moves it out of the way
    assert attack is file_for_folder or kept == ["kept"]


def test_bytes_are_put_where_a_folder_stood(tmp_path: Path) -> None:
    from catalog.store.local import FolderStore

    store = FolderStore(tmp_path / "store")
    digest = store.put_bytes(b"song").digest
    path = tmp_path / "store" / "objects" / digest[:2] / digest[2:4] / digest
    for attack in (folder_for_blob, file_for_folder):
        attack(path)
        assert store.stat(digest) is None
        assert not store.verify(digest)
        assert store.put_bytes(b"song").size == 4
        assert store.local(digest).read_bytes() == b"song"
    assert sorted(p.read_text() for p in (tmp_path / "store" / "misplaced").rglob("*") if p.is_file()) == ["kept"] * 2
    (path.parent / ".DS_Store").write_text("left by a file manager")
    assert [stored.digest for stored in store.listing()] == [digest]
