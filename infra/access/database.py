"""The databases and roles of PostgreSQL: who owns the catalog's tables, and who only works with them.

==================  =====================================================================================
``songline_owner``  owns the catalog's database and its tables; nobody logs in as it, migrations act as it
``songline``        what workers are: reads, adds, changes and removes rows, and nothing else
``prefect``         owns Prefect's own database, which nobody else may enter
==================  =====================================================================================

All of it can be run at any time; a stack from before there was an owner is brought up to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from catalog.common.errors import MachineError

if TYPE_CHECKING:
    from psycopg import Connection

CATALOG = "songline"
"""The catalog's database, and the role of those who work with it."""
OWNER = "songline_owner"
PREFECT = "prefect"
REVISION_TABLE = "alembic_version"
"""What the schema stands at is changed with the schema only."""


def make_databases(admin_url: str, *, catalog_password: str, prefect_password: str) -> None:
    """Make both databases, their roles and the catalog's tables, and give each role what it needs.

    ``admin_url`` is a superuser's. What exists gets these passwords again. Raises MachineError, or the catalog's own
    errors where its tables cannot be migrated.
    """
    with _connected(admin_url) as admin:
        _make_role(admin, CATALOG, catalog_password)
        _make_role(admin, PREFECT, prefect_password)
        _make_role(admin, OWNER, None)
        _make_database(admin, CATALOG, owner=OWNER)
        _make_database(admin, PREFECT, owner=PREFECT)
    catalog_url = urlunsplit(urlsplit(admin_url)._replace(path=f"/{CATALOG}", query=""))
    with _connected(catalog_url) as admin:
        _hand_over(admin)
    _migrate(catalog_url)
    with _connected(catalog_url) as admin, admin.transaction():
        _grant(admin)


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    import psycopg

    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
            yield connection
    except psycopg.Error as error:
        said = str(error).strip().partition("\n")[0]
        raise MachineError(
            f"PostgreSQL's databases and roles cannot be made: {said}",
            remedy="See that the server runs and that its administrator's password is the right one",
        ) from error


def _make_role(admin: Connection, name: str, password: str | None) -> None:
    """A role that logs in with ``password``, or one that nobody logs in as."""
    from psycopg import sql

    known = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    told = sql.SQL("ALTER ROLE {} " if known else "CREATE ROLE {} ").format(sql.Identifier(name))
    if password is None:
        admin.execute(told + sql.SQL("NOLOGIN PASSWORD NULL"))
        return
    # The server is told the hash only: statements may end up in its log.
    hashed = admin.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    admin.execute(told + sql.SQL("LOGIN PASSWORD {}").format(sql.Literal(hashed)))


def _make_database(admin: Connection, name: str, *, owner: str) -> None:
    from psycopg import sql

    database, role = sql.Identifier(name), sql.Identifier(owner)
    known = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
    told = (
        "ALTER DATABASE {} OWNER TO {}" if known else "CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0"
    )
    admin.execute(sql.SQL(told).format(database, role))
    admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))


def _hand_over(admin: Connection) -> None:
    """Let the owner have the schema, and the tables that workers made when they still owned the database."""
    from psycopg import sql

    owner, worker, database = sql.Identifier(OWNER), sql.Identifier(CATALOG), sql.Identifier(CATALOG)
    admin.execute(sql.SQL("REASSIGN OWNED BY {} TO {}").format(worker, owner))
    admin.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(owner))
    admin.execute(sql.SQL("REVOKE ALL ON SCHEMA public FROM PUBLIC"))
    admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, worker))


def _migrate(catalog_url: str) -> None:
    """Bring the tables up to this code's, acting as their owner."""
    from db.session import open_database

    open_database(f"{catalog_url}?options={quote(f'-c role={OWNER}')}").close()


def _grant(admin: Connection) -> None:
    """Let workers change rows and count on, but no table and not what the schema stands at."""
    from psycopg import sql

    worker, revision = sql.Identifier(CATALOG), sql.Identifier(REVISION_TABLE)
    for told in (
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {worker}",
        "GRANT USAGE ON SCHEMA public TO {worker}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {worker}",
        "REVOKE INSERT, UPDATE, DELETE ON {revision} FROM {worker}",
        "GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {worker}",
    ):
        admin.execute(sql.SQL(told).format(worker=worker, revision=revision))
