"""The databases and roles of PostgreSQL: the owner of the catalog's tables, and the roles that only use them.

==================  =====================================================================================
``songline_owner``  owns the catalog's database and its tables; cannot log in, migrations act as it ``songline``
the role of workers: reads, inserts, updates and deletes rows, and nothing else ``prefect``         owns Prefect's own
database, to which no other role can connect ==================
=====================================================================================

All of it is idempotent; a stack from before the owner role existed is upgraded.
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
"""The catalog's database, and the role that uses it."""
OWNER = "songline_owner"
PREFECT = "prefect"
REVISION_TABLE = "alembic_version"
"""The table of the schema's revision, which only migrations may change."""


def make_databases(admin_url: str, *, catalog_password: str, prefect_password: str) -> None:
    """Create both databases, their roles and the catalog's tables, and grant each role its privileges.

    ``admin_url`` is a superuser's. Existing roles get these passwords again. Raises MachineError, or the catalog's own
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
        message = str(error).strip().partition("\n")[0]
        raise MachineError(
            f"PostgreSQL's databases and roles cannot be made: {message}",
            remedy="See that the server runs and that its administrator's password is the right one",
        ) from error


def _make_role(admin: Connection, name: str, password: str | None) -> None:
    """Create or update a role that logs in with ``password``, or one that cannot log in."""
    from psycopg import sql

    row = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    statement = sql.SQL("ALTER ROLE {} " if row else "CREATE ROLE {} ").format(sql.Identifier(name))
    if password is None:
        admin.execute(statement + sql.SQL("NOLOGIN PASSWORD NULL"))
        return
    # Only the hash is sent to the server: statements may be logged.
    password_hash = admin.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    admin.execute(statement + sql.SQL("LOGIN PASSWORD {}").format(sql.Literal(password_hash)))


def _make_database(admin: Connection, name: str, *, owner: str) -> None:
    from psycopg import sql

    database, role = sql.Identifier(name), sql.Identifier(owner)
    row = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
    statement = (
        "ALTER DATABASE {} OWNER TO {}" if row else "CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0"
    )
    admin.execute(sql.SQL(statement).format(database, role))
    admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))


def _hand_over(admin: Connection) -> None:
    """Give the owner the schema, and the tables that workers created when they still owned the database."""
    from psycopg import sql

    owner, worker, database = sql.Identifier(OWNER), sql.Identifier(CATALOG), sql.Identifier(CATALOG)
    admin.execute(sql.SQL("REASSIGN OWNED BY {} TO {}").format(worker, owner))
    admin.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(owner))
    admin.execute(sql.SQL("REVOKE ALL ON SCHEMA public FROM PUBLIC"))
    admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, worker))


def _migrate(catalog_url: str) -> None:
    """Migrate the tables to this code's revision, acting as their owner."""
    from db.session import open_database

    open_database(f"{catalog_url}?options={quote(f'-c role={OWNER}')}").close()


def _grant(admin: Connection) -> None:
    """Let workers change rows and use sequences, but change no table definition and not the schema's revision."""
    from psycopg import sql

    worker, revision = sql.Identifier(CATALOG), sql.Identifier(REVISION_TABLE)
    for statement in (
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {worker}",
        "GRANT USAGE ON SCHEMA public TO {worker}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {worker}",
        "REVOKE INSERT, UPDATE, DELETE ON {revision} FROM {worker}",
        "GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {worker}",
    ):
        admin.execute(sql.SQL(statement).format(worker=worker, revision=revision))
