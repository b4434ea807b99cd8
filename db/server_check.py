"""Checks the catalog's server without changing it: unlike opening a catalog, it creates and migrates no table."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from db.errors import DatabaseUnusable, message_of
from db.postgres import ServerLimits, postgres_engine, require_utf8, where
from db.schema import schema_revision
from db.session import SCHEMA_REVISION

MAY_CREATE = "SELECT has_schema_privilege(current_schema(), 'CREATE')"
# The schema revision may be changed by its owner only, who need not be the user that works with the catalog.
MAY_WRITE = """
    SELECT bool_and(has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE')
        AND has_table_privilege(oid, 'DELETE') AND has_table_privilege(oid, 'SELECT'))
    FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname <> 'alembic_version'
"""
IS_READ_ONLY = "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool"


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """A PostgreSQL server with a catalog. ``revision`` is None for an empty database; ``expected`` is this code's.
    ``may_write`` is about rows, or tables where there are none yet; ``may_migrate`` is about an older schema."""

    where: str
    version: str
    revision: str | None
    expected: str
    may_write: bool
    may_migrate: bool
    latency_s: float


def inspect_server(url: str, *, patience_s: float) -> ServerInfo:
    """Inspect the server, about ``patience_s`` for each query. Raises DatabaseUnusable with the remedy."""
    try:
        address = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise DatabaseUnusable(
            "SONGLINE_DATABASE_URL is no address of a PostgreSQL database",
            "Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, special characters of the password %-encoded",
        ) from error
    timed_address = address.update_query_dict({"connect_timeout": str(max(2, round(patience_s)))})
    limits = ServerLimits(pool_size=1, statement_timeout_s=patience_s, lock_timeout_s=patience_s, patience_s=0.0)
    engine = postgres_engine(timed_address, limits)
    try:
        with engine.connect() as connection:
            require_utf8(connection)
            return _inspect(connection, where(address))
    except DBAPIError as error:
        raise DatabaseUnusable(
            f"the catalog's database at {where(address)} cannot be used: {message_of(error)}",
            "See that the server runs and the database is there, or correct SONGLINE_DATABASE_URL",
        ) from error
    finally:
        engine.dispose()


def _inspect(connection: Connection, place: str) -> ServerInfo:
    started_at = time.perf_counter()
    version = str(connection.scalar(sa.text("SHOW server_version")))
    latency_s = time.perf_counter() - started_at
    revision = schema_revision(connection)
    may_create = bool(connection.scalar(sa.text(MAY_CREATE)))
    has_rights = may_create if revision is None else bool(connection.scalar(sa.text(MAY_WRITE)))
    may_write = has_rights and not connection.scalar(sa.text(IS_READ_ONLY))
    return ServerInfo(place, version.split()[0], revision, SCHEMA_REVISION, may_write, may_create, latency_s)
