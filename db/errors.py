"""Errors of the catalog's database; the drivers' errors are translated here only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy.exc

REPEATABLE = frozenset({"40001", "40P01", "57P01", "57P02", "57P03"})
"""SQLSTATEs after which the same transaction may succeed: serialisation, deadlock, a server that shuts down or starts
(PostgreSQL's Appendix A). A connection that broke without a message counts too."""

DATABASE_ERROR_STATES = frozenset({"25P03", "25006"})
"""Errors of the server that drivers report as internal errors: idle in a transaction, a read-only standby."""


LOOK_FOR_A_FULL_DISK = "Look for a full disk, then run it again"


class SchemaTooNew(Exception):
    """The catalog was written by a newer Songline; carries its revision."""


class SchemaUnknown(Exception):
    """The database has a revision that no Songline wrote; carries it."""


class ForeignDatabase(Exception):
    """The database has tables, but not those of a catalog; carries some of their names."""

    def __init__(self, tables: tuple[str, ...]) -> None:
        super().__init__(", ".join(tables))
        self.tables = tables


class NetworkFileSystem(Exception):
    """SQLite's locks do not work there; carries the file system's type."""


class DatabaseUnusable(Exception):
    """The database cannot be opened as configured; ``what`` and ``remedy`` are sentences without a full stop."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy


INSUFFICIENT_PRIVILEGE = "42501"
"""The SQLSTATE of a statement that the role may not run."""

RUN_ACCESS = "Run `python -m infra.access` with the administrators' accounts (docs/operations.md, Upgrade)"


def owner_needed(place: str, revision: str | None, expected: str) -> DatabaseUnusable:
    """The error of a role that may not migrate the schema at ``place`` from ``revision`` (None: no table yet)."""
    condition = f"is of schema {revision} and must be brought to {expected}" if revision else "has no tables yet"
    return DatabaseUnusable(f"the catalog at {place} {condition}, which only its owner may do", RUN_ACCESS)


class DatabaseError(Exception):
    """The database is busy, full or unreachable; carries its own message. ``repeatable``: nothing was committed, or
    the connection was lost, so the whole transaction may be retried."""

    def __init__(self, message: str, *, repeatable: bool = False, remedy: str = LOOK_FOR_A_FULL_DISK) -> None:
        super().__init__(message)
        self.repeatable = repeatable
        self.remedy = remedy


class DatabaseDamaged(DatabaseError):
    """The bytes of the database have changed; carries the finding."""


class InvalidRows(DatabaseError):
    """Rows are readable but not valid for this code; carries the code's error. Either another program wrote them or
    the code has a bug: this cannot be distinguished here."""


class DatabaseReadOnly(DatabaseError):
    """The database can be read but not written here; carries the reason."""


SQLITE_BUSY, SQLITE_LOCKED, SQLITE_READONLY, SQLITE_IOERR = 5, 6, 8, 10
SQLITE_CORRUPT, SQLITE_FULL, SQLITE_CANTOPEN, SQLITE_NOTADB = 11, 13, 14, 26
"""Primary result codes (sqlite.org/rescode.html)."""

DAMAGE = frozenset({SQLITE_CORRUPT, SQLITE_NOTADB})
REMEDIES = {
    SQLITE_BUSY: "Another process writes to it: wait, then run it again",
    SQLITE_LOCKED: "Another process writes to it: wait, then run it again",
    SQLITE_IOERR: "Check the disk, and look whether it is full, then run it again",
    SQLITE_FULL: "Free disk space, then run it again",
    SQLITE_CANTOPEN: "See that its folder is there and that you may write to it, then run it again",
}


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise DatabaseError for a driver's error about the database's state; errors of the code's own pass unchanged."""
    try:
        yield
    except sqlalchemy.exc.TimeoutError as error:
        raise DatabaseError(
            "all connections of this process are in use", remedy="Raise SONGLINE_DATABASE_POOL_SIZE"
        ) from error
    except sqlalchemy.exc.DBAPIError as error:
        if is_damage(error):
            raise DatabaseDamaged(message_of(error)) from error
        if not _is_database_error(error):
            raise
        raise error_of(error, repeatable=is_lost(error) or sqlstate_of(error) in REPEATABLE) from error


def _is_database_error(error: sqlalchemy.exc.DBAPIError) -> bool:
    if isinstance(error, sqlalchemy.exc.OperationalError) or error.connection_invalidated:
        return True
    return sqlstate_of(error) in DATABASE_ERROR_STATES


def error_of(error: sqlalchemy.exc.DBAPIError, *, repeatable: bool) -> DatabaseError:
    """The catalog's error for a driver's error."""
    if not hasattr(error.orig, "sqlstate"):  # SQLite
        code = _sqlite_code(error)
        if code == SQLITE_READONLY:
            return DatabaseReadOnly(str(error.orig))
        return DatabaseError(str(error.orig), remedy=REMEDIES.get(code, LOOK_FOR_A_FULL_DISK))
    return DatabaseError(
        message_of(error), repeatable=repeatable, remedy="Look at the database's server and its log, then run it again"
    )


def is_damage(error: sqlalchemy.exc.DBAPIError) -> bool:
    """Whether SQLite found bytes in its file that it did not write."""
    return _sqlite_code(error) in DAMAGE or "Could not decode to UTF-8" in str(error.orig)


def _sqlite_code(error: sqlalchemy.exc.DBAPIError) -> int:
    """SQLite's primary result code; -1 where the error is not SQLite's."""
    code = getattr(error.orig, "sqlite_errorcode", -1)
    return code & 0xFF if code >= 0 else -1


def is_lost(error: sqlalchemy.exc.DBAPIError) -> bool:
    """Whether the connection is lost, or could not be made."""
    state = sqlstate_of(error)
    return error.connection_invalidated or (
        isinstance(error, sqlalchemy.exc.OperationalError)
        and hasattr(error.orig, "sqlstate")
        and (state is None or state.startswith("08") or state in {"57P01", "57P02", "57P03", "53300"})
    )


def sqlstate_of(error: sqlalchemy.exc.DBAPIError) -> str | None:
    """PostgreSQL's code of an error; None for SQLite's, and where the server sent none."""
    return getattr(error.orig, "sqlstate", None)


def message_of(error: sqlalchemy.exc.DBAPIError) -> str:
    """The server's or the driver's own message in one line, without the statement and its values."""
    primary = getattr(getattr(error.orig, "diag", None), "message_primary", None)
    return " ".join(str(primary or error.orig).split())
