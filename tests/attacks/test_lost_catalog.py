"""The catalog is gone, wholly or but for its log, or something else stands in its place: nothing else is destroyed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.attacks.damaged_home import catalog, log_of_a_killed_process
from tests.attacks.small_album import Run, Said, run, small

__all__ = ["run", "small"]


def files(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def told(said: Said, *parts: str, code: int = 4) -> None:
    assert said.code == code, said
    assert said.err.startswith("error: ")
    for part in parts:
        assert part in said.err, said.err


def test_a_missing_catalog_beside_a_store_is_not_made_anew(small: Path, run: Run) -> None:
    home = small / "home"
    assert run("backup", small / "backup", home=home).code == 0
    catalog(small).unlink()
    store, kept = files(home / "store"), files(small / "backup")
    for command in (("status", "small"), ("verify",), ("gc",), ("backup", small / "backup")):
        told(run(*command, home=home), "missing", f"songline restore {small / 'backup'}")
    assert not catalog(small).exists()
    assert (files(home / "store"), files(small / "backup")) == (store, kept)
    restored = run("restore", small / "backup", home=home)
    assert restored.code == 0, restored.err
    assert json.loads(run("verify", "--json", home=home).out)["missing"] == []
    assert run("gc", home=home).code == 0
    assert files(home / "store") == store


def test_a_restore_that_was_killed_before_it_began_is_repeated(small: Path, run: Run) -> None:
    home = small / "home"
    run("backup", small / "backup", home=home)
    os.truncate(catalog(small), 0)
    catalog(small).rename(home / "catalog.sqlite3.damaged-1")
    assert run("restore", small / "backup", home=home).code == 0


def test_an_empty_catalog_makes_no_garbage_of_a_store(small: Path, run: Run, tmp_path: Path) -> None:
    home = small / "home"
    assert run("verify", home=tmp_path / "other").code == 0
    shutil.copyfile(tmp_path / "other" / "catalog.sqlite3", catalog(small))
    store = files(home / "store")
    for command in (("gc",), ("gc", "--dry-run"), ("gc", "--keep-builds", "1")):
        told(run(*command, SONGLINE_GC_GRACE_S="0", home=home), "names no artifact", "restore", code=3)
    assert files(home / "store") == store


def test_an_empty_catalog_does_not_replace_the_only_good_backup(small: Path, run: Run, tmp_path: Path) -> None:
    assert run("backup", small / "backup", home=small / "home").code == 0
    before = files(small / "backup")
    told(run("backup", small / "backup", home=tmp_path / "other"), "not replaced", "restore", code=3)
    assert files(small / "backup") == before
    assert run("restore", small / "backup", home=tmp_path / "third").code == 0


@pytest.mark.parametrize("remains", [None, 0])
def test_the_log_of_a_catalog_that_is_gone_is_kept(small: Path, run: Run, remains: int | None) -> None:
    home = small / "home"
    run("backup", small / "backup", home=home)
    log = log_of_a_killed_process(small, 5)
    data = log.read_bytes()
    catalog(small).unlink()
    if remains is not None:
        catalog(small).touch()
    for command in (("status", "small"), ("verify",), ("gc",)):
        told(run(*command, home=home), "damaged", "restore")
        assert log.read_bytes() == data
    assert run("restore", small / "backup", home=home).code == 0
    assert (home / "catalog.sqlite3.damaged-1-wal").read_bytes() == data


def test_the_log_alone_is_kept_without_a_store_too(small: Path, run: Run) -> None:
    home = small / "home"
    log = log_of_a_killed_process(small, 5)
    data = log.read_bytes()
    catalog(small).unlink()
    shutil.rmtree(home / "store")
    told(run("status", "small", home=home), "catalog.sqlite3-wal", "restore")
    assert log.read_bytes() == data


@pytest.mark.parametrize("name", ["catalog.sqlite3-wal", "catalog.sqlite3-shm", "catalog.sqlite3-journal"])
def test_a_folder_in_the_place_of_a_file_of_sqlite_is_named(small: Path, run: Run, name: str) -> None:
    (small / "home" / name).unlink(missing_ok=True)
    (small / "home" / name).mkdir()
    told(run("status", "small", home=small / "home"), name, "is a folder", "Move it away")


@pytest.mark.parametrize("name", ["catalog.sqlite3", "catalog.sqlite3-wal", "catalog.sqlite3.lock"])
def test_a_pipe_in_the_place_of_a_file_of_the_home_is_named(small: Path, run: Run, name: str) -> None:
    (small / "home" / name).unlink(missing_ok=True)
    os.mkfifo(small / "home" / name)
    told(run("status", "small", home=small / "home"), name, "is a pipe (FIFO)", "Move it away")
