"""A SQLite catalog that is only read: on a disk or in a folder that this process may not write to."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import QueuePool

from db.documents import read_document

BUSY_TIMEOUT_S = 30


def reading_engine(path: Path) -> Engine:
    """An engine that reads the file at ``path`` and writes nothing, neither to it nor beside it."""
    engine = sa.create_engine(
        "sqlite://", creator=_connector(path), poolclass=QueuePool, json_deserializer=read_document
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _connector(path: Path) -> Callable[[], sqlite3.Connection]:
    """How to open it. SQLite can read a write-ahead log only where its index stands beside it; where there is no log,
    the file alone is everything; else both are read by way of a copy."""
    address = path.absolute().as_uri()
    log, index = (path.with_name(f"{path.name}{suffix}") for suffix in ("-wal", "-shm"))
    if not log.is_file() or log.stat().st_size == 0:
        return lambda: _connected(f"{address}?mode=ro&immutable=1")
    if not index.exists() or not _can_be_read(address):
        whole = _with_log(path, log)
        return lambda: _of_bytes(whole)
    return lambda: _connected(f"{address}?mode=ro")


def _can_be_read(address: str) -> bool:
    try:
        with closing(_connected(f"{address}?mode=ro")) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        return False
    return True


def _connected(address: str) -> sqlite3.Connection:
    return sqlite3.connect(address, uri=True, check_same_thread=False)


def _of_bytes(whole: bytes) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.deserialize(whole)
    return connection


def _with_log(path: Path, log: Path) -> bytes:
    """The database with what its log adds, read in a private folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="songline-reading-") as folder:
        copy = Path(folder, "catalog")
        shutil.copyfile(path, copy)
        shutil.copyfile(log, f"{copy}-wal")
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
            return connection.serialize()


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in (f"busy_timeout = {BUSY_TIMEOUT_S * 1000}", "query_only = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
