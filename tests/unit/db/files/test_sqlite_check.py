"""A SQLite file and its write-ahead log, looked at before SQLite opens them, and read where nothing may be written."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from db.files import sqlite_check
from db.files.sqlite_check import END_BYTES, FRAME_HEADER, LOG_HEADER, check_file, check_log, with_log
from db.read_only import reading_engine
from db.session import Database, DatabaseDamaged, DatabaseError, open_database, open_for_reading

PAGE = 4096
FRAME = FRAME_HEADER.size + PAGE
LONG = 2 * END_BYTES // FRAME + 400
"""Frames of a log of which the middle is not summed at opening."""


def killed(path: Path, commits: int) -> Path:
    """A database whose process was killed; gives its log, of two frames for each commit."""
    script = f"""
import os, sqlite3
connection = sqlite3.connect({str(path)!r}, isolation_level=None)
for pragma in ("journal_mode = WAL", "wal_autocheckpoint = 0", "synchronous = OFF"):
    connection.execute("PRAGMA " + pragma)
connection.execute("CREATE TABLE note (number INTEGER, text BLOB)")
connection.execute("INSERT INTO note VALUES (0, zeroblob(3000))")
for number in range({commits}):
    connection.execute("UPDATE note SET number = ?, text = randomblob(3000)", (number,))
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    return path.with_name(f"{path.name}-wal")


def overwrite(log: Path, frame: int) -> None:
    with log.open("r+b") as file:
        file.seek(LOG_HEADER.size + frame * FRAME + FRAME_HEADER.size + 100)
        file.write(os.urandom(64))


def frames(log: Path) -> int:
    return (log.stat().st_size - LOG_HEADER.size) // FRAME


@pytest.mark.slow
def test_a_long_log_costs_no_more_than_its_ends(tmp_path: Path) -> None:
    log = killed(tmp_path / "long", 3 * LONG)
    read = 0

    def summed(data: bytes, *rest: object) -> tuple[int, int]:
        nonlocal read
        read += len(data)
        return before(data, *rest)  # type: ignore[arg-type]

    before = sqlite_check._summed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite_check, "_summed", summed)
        check_file(tmp_path / "long")
    assert read <= 2 * END_BYTES + 100 < log.stat().st_size


@pytest.mark.slow
@pytest.mark.parametrize("at", ["first", "last"])
def test_a_break_at_either_end_is_found_at_opening(tmp_path: Path, at: str) -> None:
    log = killed(tmp_path / "long", LONG)
    check_file(tmp_path / "long")
    overwrite(log, 3 if at == "first" else frames(log) - 8)
    with pytest.raises(DatabaseDamaged, match="write-ahead log"):
        check_file(tmp_path / "long")


@pytest.mark.slow
def test_a_break_in_the_middle_is_found_where_everything_is_asked_for(tmp_path: Path) -> None:
    log = killed(tmp_path / "long", LONG)
    overwrite(log, frames(log) // 2)
    check_file(tmp_path / "long")
    with pytest.raises(DatabaseDamaged, match="write-ahead log"):
        check_log(log, everything=True)


def test_a_log_that_is_in_use_is_not_summed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_check, "check_log", lambda *_, **__: pytest.fail("it was summed"))
    with closing(sqlite3.connect(tmp_path / "used", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE note (number INTEGER)")
        assert (tmp_path / "used-wal").stat().st_size > LOG_HEADER.size
        check_file(tmp_path / "used")


def test_a_log_is_added_as_sqlite_adds_it(tmp_path: Path) -> None:
    path = tmp_path / "killed"
    log = killed(path, 30)
    os.truncate(log, log.stat().st_size - 10)  # the last commit is torn
    whole = with_log(path, log)
    with closing(sqlite3.connect(":memory:")) as ours, closing(sqlite3.connect(path)) as sqlites:
        ours.deserialize(whole)
        assert list(ours.execute("SELECT * FROM note")) == list(sqlites.execute("SELECT * FROM note"))
        assert ours.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_reading_leaves_no_copy_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed(tmp_path / "killed", 3)
    (tmp_path / "killed-shm").unlink()
    monkeypatch.setattr(tempfile, "mkdtemp", lambda *_, **__: pytest.fail("a copy was made"))
    engine = reading_engine(tmp_path / "killed")
    with engine.connect() as one, engine.connect() as two:
        for connection in (one, two):
            assert connection.execute(sa.text("SELECT number FROM note")).scalar() == 2
    engine.dispose()
    assert {path.name for path in tmp_path.iterdir()} == {"killed", "killed-wal"}


def test_a_catalog_that_its_owner_writes_is_read_with_its_locks_and_changes(tmp_path: Path) -> None:
    path = tmp_path / "catalog"
    owner = open_database(path)
    try:
        with owner.read() as session:  # the log is there, and may be empty
            session.execute(sa.text("SELECT count(*) FROM album"))
        reader = open_for_reading(path, "test")
        for title in ("first", "second"):
            with owner.write() as session:
                session.execute(sa.text("DELETE FROM alembic_version"))
                session.execute(sa.text("INSERT INTO alembic_version VALUES (:title)"), {"title": title})
            with reader.read() as session:
                assert session.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == title
        reader.close()
    finally:
        owner.close()


def test_what_looks_like_damage_of_a_changing_file_is_to_be_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "catalog"
    open_database(path).close()
    reader = open_for_reading(path, "test")
    with pytest.raises(DatabaseDamaged), reader.read():
        raise DatabaseDamaged("malformed")
    time.sleep(0.01)
    os.utime(path)
    with pytest.raises(DatabaseError, match="while it was read") as caught, reader.read():
        raise DatabaseDamaged("malformed")
    assert not isinstance(caught.value, DatabaseDamaged)
    assert isinstance(reader, Database)
    reader.close()
