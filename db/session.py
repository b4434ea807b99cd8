"""Opens the catalog's database: transactions that are safe with several processes, and migrations."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import URL, Connection, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session

from db.errors import (
    INSUFFICIENT_PRIVILEGE,
    DatabaseDamaged,
    DatabaseError,
    DatabaseReadOnly,
    DatabaseUnusable,
    ForeignDatabase,
    InvalidRows,
    NetworkFileSystem,
    SchemaTooNew,
    SchemaUnknown,
    error_of,
    is_lost,
    message_of,
    owner_needed,
    sqlstate_of,
    translate_errors,
)
from db.files.lock import file_lock
from db.files.private_file import make_private
from db.files.sqlite_check import check_file, check_log
from db.identity import revision_of_ours
from db.postgres import ServerLimits, await_migrations, lock_for_writing, postgres_engine, require_utf8, where
from db.read_only import changes, reading_engine
from db.schema import schema_revision, upgrade
from db.sqlite import back_up, sqlite_engine, sqlite_url, url_of_file

__all__ = [
    "SCHEMA_REVISION",
    "Database",
    "DatabaseDamaged",
    "DatabaseError",
    "DatabaseReadOnly",
    "DatabaseUnusable",
    "ForeignDatabase",
    "InvalidRows",
    "NetworkFileSystem",
    "SchemaTooNew",
    "SchemaUnknown",
    "open_database",
    "open_for_reading",
]

SCHEMA_REVISION = "0009"
"""Newest migration that this code knows; a test compares it with Alembic's head."""

POSTGRES_NAMES = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
TRIES = 6
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0

Result = TypeVar("Result")


class Database:
    """Transactions on one database. Reads and writes are separate, since SQLite must lock early to write, and
    PostgreSQL gives a consistent snapshot to read-only transactions. ``read_only`` says why the database cannot be
    written; every write then raises DatabaseReadOnly."""

    def __init__(
        self,
        engine: Engine,
        *,
        patience_s: float = 0.0,
        read_only: str = "",
        is_changed: Callable[[], bool] = lambda: False,
    ) -> None:
        self.engine = engine
        self._is_changed = is_changed
        self._read_only = read_only
        self._is_server = engine.dialect.name == "postgresql"
        self._patience_s = patience_s
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if self._is_server else {}
        self._reader = engine.execution_options(**options)
        self._writer = engine.execution_options(songline_write=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one consistent snapshot and commits nothing."""
        with (
            _unless_changed(self._is_changed),
            translate_errors(),
            self._connect(self._reader) as connection,
            Session(connection) as session,
        ):
            yield session

    @contextmanager
    def write(self, *, exclusive: bool = False) -> Iterator[Session]:
        """A session that commits at the end, or rolls back on an error. Keep it short: never during a render.

        Writers run concurrently on PostgreSQL: lock rows that are read and then changed
        (:data:`db.statements.ROW_LOCK`). ``exclusive`` excludes every other writer, as SQLite always does: for
        garbage collection, which must be sure that no process is about to refer to the bytes it removes. A block
        cannot be retried: see :meth:`transact`."""
        if self._read_only:
            raise DatabaseReadOnly(self._read_only)
        with (
            translate_errors(),
            self._connect(self._writer) as connection,
            Session(connection, expire_on_commit=False) as session,
            session.begin(),
        ):
            session_connection = session.connection()  # SQLite locks at the first statement, which may come late
            if self._is_server:
                lock_for_writing(session_connection, exclusive=exclusive)
            yield session

    def transact(self, work: Callable[[Session], Result]) -> Result:
        """Run ``work`` in its own write transaction, retried after a deadlock or a lost connection; returns its
        result.

        ``work`` changes rows only, and must be safe to run again after it already took effect, since a connection
        that breaks during the commit leaves that open: compare-and-set, or inserting missing rows. Raises
        DatabaseError after some attempts.
        """
        attempt = 1
        while True:
            try:
                with self.write() as session:
                    return work(session)
            except DatabaseError as error:
                if not error.repeatable or attempt == TRIES:
                    raise
            _pause(attempt)
            attempt += 1

    @contextmanager
    def _connect(self, engine: Engine) -> Iterator[Connection]:
        """A connection. Waits for a server that is unreachable, as during a restart, up to the timeout; nothing has
        been done yet, so waiting is safe for every caller."""
        end = time.monotonic() + self._patience_s
        attempt = 1
        while True:
            try:
                connection = engine.connect()
                break
            except DBAPIError as error:
                if not is_lost(error):
                    raise
                if time.monotonic() > end:  # the time is over for callers that would retry, too
                    raise error_of(error, repeatable=False) from error
            _pause(attempt)
            attempt += 1
        with connection:
            yield connection

    def check(self) -> None:
        """Read every page of a SQLite file and its whole log and raise DatabaseDamaged at the first fault; a
        PostgreSQL server is not checked."""
        if self._is_server:
            return
        path = Path(self.engine.url.database or "")
        log = path.with_name(f"{path.name}-wal") if path.name else path
        if log.is_file():
            check_log(log, everything=True)
        with self.read() as session:
            result = session.execute(sa.text("PRAGMA quick_check(1)")).scalar()
        if result != "ok":
            raise DatabaseDamaged(" ".join(str(result).split()))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


@contextmanager
def _unless_changed(is_changed: Callable[[], bool]) -> Iterator[None]:
    """Ignores apparent damage of a file that its owner writes at the same moment."""
    try:
        yield
    except DatabaseDamaged as error:
        if not is_changed():
            raise
        raise DatabaseError("another process changed it while it was read", remedy="Run it again") from error


def _pause(attempt: int) -> None:
    """Wait longer each time, with jitter, so that processes that failed together do not retry together."""
    time.sleep(min(FIRST_PAUSE_S * 2 ** (attempt - 1), LONGEST_PAUSE_S) * random.uniform(0.5, 1.5))


def open_database(place: str | Path, limits: ServerLimits | None = None) -> Database:
    """Connect to ``place``, the path of a SQLite file or a URL, and migrate its schema to this code's.

    Raises SchemaTooNew, SchemaUnknown, ForeignDatabase, NetworkFileSystem, DatabaseUnusable where a server is
    unreachable, DatabaseDamaged where a file is not a catalog, DatabaseError. None of them repeats a password.
    """
    address = sqlite_url(place) if isinstance(place, Path) else _parse_url(place)
    if address.drivername in POSTGRES_NAMES:
        return _open_server(address, limits or ServerLimits())
    engine = sqlite_engine(address)
    path = Path(address.database or "")
    with translate_errors(), file_lock(path.with_name(path.name + ".lock")):
        check_file(path)
        make_private(path)
        _migrate_file(engine, path)
    return Database(engine)


def open_for_reading(path: Path, reason: str) -> Database:
    """The SQLite catalog at ``path`` opened read-only; ``reason`` is the reason why it cannot be written.

    Raises the errors of :func:`open_database`, and DatabaseUnusable where it must be migrated before it can be read.
    """
    is_changed = changes(path)
    with _unless_changed(is_changed), translate_errors():
        check_file(path)
        engine = reading_engine(path)
        with engine.connect() as connection:
            revision = revision_of_ours(connection)
    if _is_old(revision):
        raise DatabaseUnusable(
            f"the catalog {path} is of schema {revision or 'none'} and is not migrated to {SCHEMA_REVISION}: {reason}",
            "Run a command once where it can be written",
        )
    return Database(engine, read_only=reason, is_changed=is_changed)


def _parse_url(url: str) -> URL:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):  # its message may contain the password
        address = None
    if address is None or address.drivername not in POSTGRES_NAMES | {"sqlite", "sqlite+pysqlite"}:
        raise DatabaseUnusable(
            "SONGLINE_DATABASE_URL is no address of a PostgreSQL or SQLite database",
            "Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, special characters of the password %-encoded",
        )
    return address if address.drivername in POSTGRES_NAMES else url_of_file(address)


def _open_server(url: URL, limits: ServerLimits) -> Database:
    engine = postgres_engine(url, limits)
    try:
        _migrate_server(engine, where(url))
    except DBAPIError as error:
        engine.dispose()
        raise DatabaseUnusable(
            f"the catalog's database at {where(url)} cannot be used: {message_of(error)}",
            "See that the server runs and the database is there, or correct SONGLINE_DATABASE_URL",
        ) from error
    except BaseException:
        engine.dispose()
        raise
    return Database(engine, patience_s=limits.patience_s)


def _migrate_file(engine: Engine, path: Path) -> None:
    with engine.connect() as connection:
        revision = revision_of_ours(connection)
    if not _is_old(revision):
        return
    if revision is not None:
        back_up(path, path.with_name(f"{path.name}.before-{SCHEMA_REVISION}"))
    with engine.execution_options(songline_write=True).begin() as connection:
        upgrade(connection)


def _migrate_server(engine: Engine, place: str) -> None:
    """Migrate a server; PostgreSQL changes its tables in one transaction, so no copy is made before. Raises
    DatabaseUnusable where the role of this process may not change the tables."""
    with engine.connect() as connection:
        require_utf8(connection)
        if not _is_old(revision_of_ours(connection)):
            return
    with engine.begin() as connection:
        await_migrations(connection)
        if not _is_old(revision := schema_revision(connection)):
            return
        try:
            upgrade(connection)
        except DBAPIError as error:
            if sqlstate_of(error) != INSUFFICIENT_PRIVILEGE:
                raise
            raise owner_needed(place, revision, SCHEMA_REVISION) from error


def _is_old(revision: str | None) -> bool:
    if revision is not None and revision > SCHEMA_REVISION:
        raise SchemaTooNew(revision)
    return revision != SCHEMA_REVISION
