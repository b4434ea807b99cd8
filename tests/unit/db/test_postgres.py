"""The catalog on a real PostgreSQL server: its schema, its versions, and its addresses."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
import time

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import make_url

from db import session as db_session
from db.errors import ForeignDatabase
from db.postgres import ServerLimits, postgres_engine
from db.schema import upgrade
from db.session import SCHEMA_REVISION, DatabaseUnusable, SchemaTooNew, open_database
from db.tables.album import Album
from db.tables.base import Base
from tests.unit.db.postgres_catalog import database, url

__all__ = ["database", "url"]


@pytest.mark.slow
def test_migrations_and_tables_say_the_same(database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_every_text_is_sorted_by_bytes(database) -> None:
    asked = "SELECT DISTINCT collation_name FROM information_schema.columns WHERE table_name = ANY(:tables)"
    with database.read() as reading:
        found = reading.scalars(
            sa.text(f"{asked} AND data_type = 'character varying'"), {"tables": [*Base.metadata.tables]}
        )
        assert set(found) == {"C"}


def test_an_older_catalog_is_migrated_with_its_rows(postgres) -> None:
    url = postgres.new_database()
    engine = postgres_engine(make_url(url), ServerLimits())
    with engine.begin() as connection:
        upgrade(connection, "0001")
        connection.execute(
            sa.text("INSERT INTO album (id, title, manifest, manifest_digest) VALUES ('a', 'A', '{}', :digest)"),
            {"digest": "d" * 64},
        )
    engine.dispose()
    database = open_database(url)
    with database.read() as reading:
        assert reading.scalar(sa.text("SELECT version_num FROM alembic_version")) == SCHEMA_REVISION
        assert reading.get_one(Album, "a").created_at == pytest.approx(time.time(), abs=60)
    database.close()


@pytest.mark.parametrize(("table", "is_ours"), [("spatial_ref_sys", False), ("render", True)])
def test_tables_of_extensions_may_lie_beside_ours_and_none_in_their_place(postgres, table, is_ours) -> None:
    url = postgres.new_database()
    engine = postgres_engine(make_url(url), ServerLimits())
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE TABLE {table} (srid integer)"))
    engine.dispose()
    if is_ours:
        with pytest.raises(ForeignDatabase):
            open_database(url)
    else:
        open_database(url).close()
        open_database(url).close()


@pytest.mark.slow
def test_two_processes_that_start_at_once_migrate_once(postgres) -> None:
    url = postgres.new_database()
    script = textwrap.dedent(f"""
        from db.session import open_database
        open_database({url!r}).close()
    """)
    started = [subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE) for _ in range(3)]
    assert [(process.communicate()[1], process.returncode) for process in started] == [(b"", 0)] * 3


def test_a_newer_catalog_is_refused(url, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db_session, "SCHEMA_REVISION", "0001")
    with pytest.raises(SchemaTooNew, match=SCHEMA_REVISION):
        open_database(url)


def test_a_database_of_another_encoding_is_refused(postgres) -> None:
    url = postgres.new_database("template0 ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(DatabaseUnusable, match="LATIN1"):
        open_database(url)


@pytest.mark.parametrize("name", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_spelling_of_the_address_is_taken(url, name) -> None:
    open_database(url.replace("postgresql", name, 1)).close()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda url: url.replace("/songline", "/nowhere"),
        lambda url: re.sub(r":\d+/", ":1/", url),
        lambda url: url.replace("postgres:", "nobody:"),
        lambda url: url.replace("@127", "%@127"),
        lambda url: url.replace("@127", "@x:127"),
        lambda url: url.replace("postgresql", "mysql"),
        lambda url: url + "?connect_timeout=never",
        lambda url: "secret " + url,
    ],
    ids=["database", "port", "user", "escape", "host", "kind", "option", "text"],
)
def test_a_wrong_address_is_told_at_once_and_without_its_password(postgres, url, wrong) -> None:
    started = time.monotonic()
    with pytest.raises(DatabaseUnusable) as caught:
        open_database(wrong(url))
    assert time.monotonic() - started < 5
    cause = caught.value.__cause__ or caught.value.__context__
    assert postgres.password not in f"{caught.value.what} {caught.value.remedy} {caught.value!r} {cause!r} {cause}"
    assert "SONGLINE_DATABASE_URL" in f"{caught.value.what} {caught.value.remedy}"
