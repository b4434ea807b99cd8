"""Opening the catalog's database: connections that are safe among several processes, and migrations."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

SCHEMA_REVISION = "0002"
"""Newest migration this code knows; a test holds it equal to Alembic's head."""

BUSY_TIMEOUT_S = 30
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smbfs", "smb3", "9p", "afs", "fuse.sshfs", "ceph", "lustre"})


class SchemaTooNew(Exception):
    """The catalog was written by a newer Songline; carries its revision."""


class NetworkFileSystem(Exception):
    """SQLite's locks do not hold there; carries the file system's type."""


class DatabaseTrouble(Exception):
    """The database is busy, full or away; carries its own words."""


class Database:
    """Sessions on one database. Reads and writes are told apart, since SQLite must lock early to write."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writer = engine.execution_options(songline_write=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one consistent state and keeps nothing."""
        with _translated(), Session(self.engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits on leaving, or rolls back on an error. Keep it short: never over a render."""
        with _translated(), Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise DatabaseTrouble(str(error.orig)) from error


def open_database(url: str) -> Database:
    """Connect to ``url`` and bring its schema up to this code's.

    Raises SchemaTooNew, NetworkFileSystem, or SQLAlchemy's errors when it cannot be reached.
    """
    parsed = make_url(url)
    engine = sa.create_engine(parsed)
    if engine.dialect.name == "sqlite":
        path = Path(parsed.database or "")
        _refuse_network_file_system(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        with _file_lock(path.with_name(path.name + ".lock")):
            _migrate(engine, backup_of=path)
    else:
        _migrate(engine, backup_of=None)
    return Database(engine)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_S * 1000}",
        "journal_mode = WAL",
        "foreign_keys = ON",
        "synchronous = FULL",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A write that began as a read cannot wait for its lock: SQLite answers "locked" at once.
    write = connection.get_execution_options().get("songline_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _migrate(engine: Engine, *, backup_of: Path | None) -> None:
    found = _schema_revision(engine)
    if found == SCHEMA_REVISION:
        return
    if found is not None and found > SCHEMA_REVISION:
        raise SchemaTooNew(found)
    if found is not None and backup_of is not None:
        _back_up(backup_of, backup_of.with_name(f"{backup_of.name}.before-{SCHEMA_REVISION}"))
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "db:migrations")
    with engine.execution_options(songline_write=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _back_up(path: Path, copy: Path) -> None:
    """Copy a SQLite database as its reader sees it: the newest rows may still lie in the write-ahead log."""
    partial = copy.with_name(f"{copy.name}.part")
    partial.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(partial)) as target:
        source.backup(target)
    partial.replace(copy)


def _schema_revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _refuse_network_file_system(path: Path) -> None:
    kind = file_system_of(path)
    if kind in NETWORK_FILE_SYSTEMS:
        raise NetworkFileSystem(kind)


def file_system_of(path: Path) -> str:
    """Type of the file system that holds ``path`` ("ext4", "nfs4"), "" where the system does not say."""
    import psutil

    resolved = path.resolve()
    holders = [p for p in psutil.disk_partitions(all=True) if resolved.is_relative_to(p.mountpoint)]
    return max(holders, key=lambda p: len(p.mountpoint)).fstype if holders else ""
