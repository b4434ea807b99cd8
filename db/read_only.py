"""A SQLite catalog opened read-only: on a disk or in a folder that this process cannot write to."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import QueuePool

from db.files.regular_file import stat_if_exists
from db.files.sqlite_check import with_log
from db.tables.documents import read_document

BUSY_TIMEOUT_S = 30


def reading_engine(path: Path) -> Engine:
    """An engine that reads the file at ``path`` and writes nothing, neither to it nor beside it."""
    engine = sa.create_engine(
        "sqlite://",
        creator=_connector(path),
        poolclass=QueuePool,
        json_deserializer=read_document,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _connector(path: Path) -> Callable[[], sqlite3.Connection]:
    """Returns a function that opens the file. SQLite can read a write-ahead log only with its index. Without log and
    index no process uses the database, and the file alone is complete; with a log but no index, both are read into
    memory."""
    address = path.absolute().as_uri()
    log, index = (path.with_name(f"{path.name}{suffix}") for suffix in ("-wal", "-shm"))
    if index.exists() and _can_be_read(address):
        return lambda: _connect(f"{address}?mode=ro")
    facts = stat_if_exists(log)
    if facts is None or facts.st_size == 0:
        return lambda: _connect(f"{address}?mode=ro&immutable=1")
    return _in_memory(with_log(path, log))


def changes(path: Path) -> Callable[[], bool]:
    """A function that returns whether the file at ``path``, or its log, was written since this call."""

    def state() -> list[tuple[int, int] | None]:
        files = (path, path.with_name(f"{path.name}-wal"))
        all_facts = (stat_if_exists(file) for file in files)
        return [facts and (facts.st_mtime_ns, facts.st_size) for facts in all_facts]

    first_state = state()
    return lambda: state() != first_state


def _can_be_read(address: str) -> bool:
    try:
        with closing(_connect(f"{address}?mode=ro")) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        return False
    return True


def _connect(address: str) -> sqlite3.Connection:
    return sqlite3.connect(address, uri=True, check_same_thread=False)


def _in_memory(data: bytes) -> Callable[[], sqlite3.Connection]:
    """Connections to one database in this process's memory, which lives as long as the returned function."""
    address = f"file:/songline-{secrets.token_hex(8)}?vfs=memdb"
    connection = _connect(address)
    with closing(sqlite3.connect(":memory:")) as source:
        source.deserialize(data)
        source.backup(connection)

    def connect() -> sqlite3.Connection:
        connection.total_changes  # noqa: B018  (holds it open)
        return _connect(address)

    return connect


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in (f"busy_timeout = {BUSY_TIMEOUT_S * 1000}", "query_only = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
