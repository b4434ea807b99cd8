from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from db import session, sqlite
from db.session import SCHEMA_REVISION, NetworkFileSystem, SchemaTooNew, open_database
from db.tables import album, provenance, release, selection, submission  # noqa: F401  (register their tables)
from db.tables.base import Base, database_now


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'catalog.sqlite3'}"


def test_the_newest_migration_is_the_one_the_code_names() -> None:
    config = Config()
    config.set_main_option("script_location", "db:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA_REVISION


@pytest.mark.slow
def test_migrations_and_tables_say_the_same(url) -> None:
    database = open_database(url)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    database.close()


def test_sqlite_is_set_for_several_processes(url) -> None:
    database = open_database(url)
    with database.read() as reading:
        pragmas = {
            name: reading.execute(sa.text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }
    database.close()
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 30_000}


def test_a_newer_catalog_is_refused(url, tmp_path: Path) -> None:
    open_database(url).close()
    with sqlite3.connect(tmp_path / "catalog.sqlite3") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(SchemaTooNew, match="9999"):
        open_database(url)


def test_an_older_catalog_is_backed_up_before_it_is_migrated(
    url, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_database(url).close()
    monkeypatch.setattr(session, "SCHEMA_REVISION", "9998")
    open_database(url).close()
    assert (tmp_path / "catalog.sqlite3.before-9998").stat().st_size > 0


def test_a_backup_has_what_still_lies_in_the_write_ahead_log(
    url, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_database(url)
    with database.write() as writing:
        writing.execute(sa.text("CREATE TABLE late (n INTEGER)"))
    monkeypatch.setattr(session, "SCHEMA_REVISION", "9998")
    open_database(url).close()
    database.close()
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite3.before-9998")) as copy:
        assert copy.execute("SELECT count(*) FROM late").fetchone() == (0,)


def test_a_network_file_system_is_refused(url, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "file_system_of", lambda _: "nfs4")
    with pytest.raises(NetworkFileSystem, match="nfs4"):
        open_database(url)


def test_the_clock_is_the_databases_and_moves_within_a_transaction(url) -> None:
    database = open_database(url)
    with database.read() as reading:
        first = reading.scalar(sa.select(database_now()))
        second = reading.scalar(sa.select(database_now()))
    database.close()
    assert first > 1_700_000_000
    assert second >= first


@pytest.mark.slow
def test_writers_in_many_threads_wait_for_each_other(url) -> None:
    database = open_database(url)
    with database.write() as writing:
        writing.execute(sa.text("CREATE TABLE tally (n INTEGER)"))
        writing.execute(sa.text("INSERT INTO tally VALUES (0)"))

    def count() -> None:
        for _ in range(20):
            with database.write() as writing:
                found = writing.scalar(sa.text("SELECT n FROM tally"))
                writing.execute(sa.text("UPDATE tally SET n = :n"), {"n": found + 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as reading:
        assert reading.scalar(sa.text("SELECT n FROM tally")) == 80
    database.close()
