"""The catalog on a PostgreSQL server: bounded connections, ordered writers, and text columns sorted by bytes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import URL, Connection, Engine

from db.errors import DatabaseUnusable

CONNECT_TIMEOUT_S = 10
IDLE_IN_TRANSACTION_S = 120
"""A writer queries the store inside its transaction, which may take as long as the store's own timeout."""
RECYCLE_S = 1800
POOL_TIMEOUT_S = 30
MIGRATION_WAIT_S = 600

MIGRATION_LOCK = 0x736F6E67_6C696E65
WRITING_LOCK = MIGRATION_LOCK + 1
"""Advisory lock numbers of one database; they only have to be unused by others."""


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Limits of one process on the server. ``pool_size`` connections are kept and as many more may be opened;
    ``patience_s`` is how long to wait for an unreachable server."""

    pool_size: int = 5
    statement_timeout_s: float = 60.0
    lock_timeout_s: float = 30.0
    patience_s: float = 30.0


def postgres_engine(url: URL, limits: ServerLimits) -> Engine:
    """An engine on the server of ``url`` through psycopg 3. Raises DatabaseUnusable where the driver is missing.

    Statements run at READ COMMITTED: a change of state is compare-and-set on one row, or locks its row (see
    :data:`db.statements.ROW_LOCK`), so serialisation failures cannot occur and only deadlocks need a retry. Errors
    never contain values, which are lyrics and prompts.
    """
    try:
        return sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            pool_size=limits.pool_size,
            max_overflow=limits.pool_size,
            pool_timeout=POOL_TIMEOUT_S,
            pool_recycle=RECYCLE_S,
            isolation_level="READ COMMITTED",
            hide_parameters=True,
            connect_args=_connect_args(url, limits),
        )
    except ModuleNotFoundError as error:
        raise DatabaseUnusable(
            "the driver for PostgreSQL is not installed", "Install it: pip install 'songline[postgres]'"
        ) from error


def _connect_args(url: URL, limits: ServerLimits) -> dict[str, Any]:
    """libpq's connection arguments; those in the URL take precedence."""
    bounds = {
        "statement_timeout": limits.statement_timeout_s,
        "lock_timeout": limits.lock_timeout_s,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_S,
    }
    url_options = url.query.get("options", "")
    options = [f"-c {name}={round(seconds * 1000)}" for name, seconds in bounds.items()]
    defaults = {
        "application_name": "songline",
        "client_encoding": "utf8",
        "connect_timeout": CONNECT_TIMEOUT_S,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    }
    arguments = {name: value for name, value in defaults.items() if name not in url.query}
    return {
        **arguments,
        "options": " ".join([*options, *([url_options] if isinstance(url_options, str) else url_options)]),
    }


def where(url: URL) -> str:
    """The server and database of a URL for display: without user and password."""
    host = url.host or url.query.get("host") or "this machine"
    port = f":{url.port}" if url.port else ""
    return f"{host if isinstance(host, str) else ', '.join(host)}{port}/{url.database or ''}"


def require_utf8(connection: Connection) -> None:
    """Raise DatabaseUnusable for a database whose encoding cannot hold every text."""
    encoding = connection.scalar(sa.text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise DatabaseUnusable(
            f"the catalog's database has the encoding {encoding}, which does not hold every text",
            "Make another: CREATE DATABASE songline ENCODING 'UTF8' TEMPLATE template0",
        )


def await_migrations(connection: Connection) -> None:
    """Wait for other migrations to finish, and block new ones until this transaction ends."""
    connection.execute(sa.text(f"SET LOCAL lock_timeout = '{MIGRATION_WAIT_S}s'"))
    connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))


def lock_for_writing(connection: Connection, *, exclusive: bool) -> None:
    """Write beside other writers until this transaction ends; ``exclusive`` waits for their end and blocks new ones."""
    lock = sa.func.pg_advisory_xact_lock if exclusive else sa.func.pg_advisory_xact_lock_shared
    connection.execute(sa.select(lock(WRITING_LOCK)))


_SORTED_BY_LANGUAGE = sa.text(
    "SELECT table_name, column_name, character_maximum_length FROM information_schema.columns"
    " WHERE table_schema = current_schema() AND table_name = ANY(:tables)"
    " AND data_type = 'character varying' AND collation_name IS DISTINCT FROM 'C'"
)


def sort_by_bytes(connection: Connection, tables: Collection[str]) -> None:
    """Give the text columns of these tables the collation "C", which is how SQLite sorts and compares.

    Ids and digests are not words of a language: the server's own collation sorts them differently, and its indexes
    cannot find prefixes.
    """
    changes: dict[str, list[str]] = {}
    for table, column, length in connection.execute(_SORTED_BY_LANGUAGE, {"tables": list(tables)}).all():
        changes.setdefault(table, []).append(f'ALTER COLUMN "{column}" TYPE VARCHAR({length}) COLLATE "C"')
    for table, alterations in sorted(changes.items()):
        connection.execute(sa.text(f'ALTER TABLE "{table}" {", ".join(alterations)}'))
