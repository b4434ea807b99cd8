"""The catalog on a real PostgreSQL server: its schema, its bounds, writers side by side, and a server that goes."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import make_url

from catalog.plan.queries import candidate_by_prefix
from db import session as db_session
from db.errors import ForeignDatabase, translated
from db.postgres import ServerLimits, postgres_engine
from db.schema import upgrade
from db.session import SCHEMA_REVISION, DatabaseError, DatabaseUnusable, SchemaTooNew, open_database
from db.statements import ROW_LOCK, insert_missing
from db.tables.album import Album, Render, Song
from db.tables.base import Base, database_now
from tests.support.services.postgres_server import postgres_server

QUICK = ServerLimits(pool_size=2, statement_timeout_s=0.3, lock_timeout_s=0.2, patience_s=0.0)
ROW = {"engine": "guide", "seed": 2**53 - 1, "recipe": {"b": 1, "a": [None, "\x00", "\ud800"]}}


@pytest.fixture
def url(postgres):
    with postgres.catalog() as address:
        yield address


@pytest.fixture
def database(url):
    opened = open_database(url)
    yield opened
    opened.close()


def render(name):
    return {"key": name * 64, **ROW}


def at_once(*works):
    """Run each in a thread of its own, all started together; gives the errors."""
    errors, barrier = [], threading.Barrier(len(works))

    def run(work):
        barrier.wait()
        try:
            work()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


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


def test_a_password_stands_in_no_error_of_a_statement(postgres, database) -> None:
    with pytest.raises(sa.exc.ProgrammingError) as caught, database.read() as reading:
        reading.execute(sa.text("SELECT nothing FROM nowhere WHERE :x = 1"), {"x": "words of a song"})
    assert "words of a song" not in str(caught.value)
    assert postgres.password not in str(caught.value)
    assert postgres.password not in repr(database.engine)


def test_connections_say_who_they_are_and_have_bounds(url) -> None:
    database = open_database(f"{url}?application_name=studio&options=-c%20statement_timeout%3D7s", QUICK)
    names = ("application_name", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    with database.read() as reading:
        found = [reading.scalar(sa.text(f"SHOW {name}")) for name in names]
    database.close()
    assert found == ["studio", "7s", "200ms", "2min"]


def test_a_statement_and_a_wait_beyond_their_bounds_are_trouble(url) -> None:
    database, other = open_database(url, QUICK), open_database(url)
    with pytest.raises(DatabaseError, match="statement timeout"), database.read() as reading:
        reading.execute(sa.text("SELECT pg_sleep(5)"))
    with (
        other.write(alone=True),
        pytest.raises(DatabaseError, match="lock timeout") as caught,
        database.write(),
    ):
        pytest.fail("it wrote beside one who writes alone")
    assert not caught.value.repeatable
    database.close()
    other.close()


def test_connections_that_are_all_in_use_are_trouble(url) -> None:
    engine = postgres_engine(make_url(url), QUICK)
    engine.pool._timeout = 0.1  # type: ignore[attr-defined]
    held = [engine.connect() for _ in range(4)]
    with pytest.raises(DatabaseError, match="connections"), translated():
        engine.connect()
    for connection in held:
        connection.close()
    engine.dispose()


def test_a_reader_sees_one_state_and_cannot_write(database) -> None:
    with database.read() as reading:
        before = reading.scalar(sa.text("SELECT count(*) FROM render"))
        with database.write() as writing:
            insert_missing(writing, Render, [render("a")])
        assert reading.scalar(sa.text("SELECT count(*) FROM render")) == before
        with pytest.raises(sa.exc.InternalError):
            reading.execute(sa.text("DELETE FROM render"))


def test_the_clock_is_the_servers_and_moves_within_a_transaction(database) -> None:
    with database.read() as reading:
        first, second = (reading.scalar(sa.select(database_now())) for _ in range(2))
    assert isinstance(first, float)
    assert 0 < second - first < 5
    assert first == pytest.approx(time.time(), abs=60)


def test_documents_come_back_as_they_were_written(database) -> None:
    with database.write() as writing:
        insert_missing(writing, Render, [render("a")])
    with database.read() as reading:
        row = reading.get_one(Render, "a" * 64)
    assert list(row.recipe) == ["b", "a"]
    assert (row.recipe, row.seed, row.error) == (ROW["recipe"], 2**53 - 1, None)


def test_the_same_rows_from_many_at_once_stand_there_once(url) -> None:
    databases = [open_database(url) for _ in range(4)]
    rows = [render(name) for name in "0123456789abcdef"]
    works = [lambda each=each: each.transact(lambda s: insert_missing(s, Render, rows)) for each in databases]
    assert at_once(*works) == []
    with databases[0].read() as reading:
        assert reading.scalar(sa.text("SELECT count(*) FROM render")) == len(rows)
    for each in databases:
        each.close()


@pytest.mark.slow
def test_two_that_lock_each_other_up_both_get_done(database) -> None:
    with database.write() as writing:
        insert_missing(writing, Render, [render("a"), render("b")])
    both, runs = threading.Barrier(2), []

    def crosswise(first, second):
        def work(session):
            runs.append(first)
            session.get_one(Render, first * 64, with_for_update=ROW_LOCK).attempts += 1
            session.flush()
            if len(runs) <= 2:
                both.wait(5)
            session.get_one(Render, second * 64, with_for_update=ROW_LOCK).attempts += 1

        return lambda: database.transact(work)

    assert at_once(crosswise("a", "b"), crosswise("b", "a")) == []
    assert len(runs) == 3
    with database.read() as reading:
        assert reading.scalars(sa.select(Render.attempts)).all() == [2, 2]


def test_what_a_writer_read_and_held_stays_until_it_ends(database) -> None:
    with database.write() as writing:
        insert_missing(writing, Render, [render("a")])

    def count(session):
        row = session.get_one(Render, "a" * 64, with_for_update=ROW_LOCK)
        row.attempts = row.attempts + 1

    assert at_once(*[lambda: [database.transact(count) for _ in range(10)]] * 4) == []
    with database.read() as reading:
        assert reading.scalar(sa.select(Render.attempts)) == 40


def test_rows_that_refer_to_a_held_one_need_not_wait(url) -> None:
    database = open_database(url, QUICK)
    with database.write() as writing:
        writing.add(Album(id="a", title="A", manifest={}, manifest_digest="d" * 64))
    with database.write() as holding:
        holding.get_one(Album, "a", with_for_update=ROW_LOCK)
        with database.write() as writing:
            writing.add(Song(album_id="a", slug="one", title="One", position=1))
    database.close()


def test_one_who_writes_alone_waits_for_the_others_to_end(url) -> None:
    database, order = open_database(url), []

    def sweep():
        with database.write(alone=True):
            order.append("swept")

    with database.write():
        sweeping = threading.Thread(target=sweep)
        sweeping.start()
        time.sleep(0.3)
        order.append("written")
    sweeping.join()
    database.close()
    assert order == ["written", "swept"]


def test_a_prefix_is_looked_up_in_the_index(database) -> None:
    with database.write() as writing:
        writing.execute(sa.text("SET LOCAL enable_seqscan = off"))
        query = "EXPLAIN SELECT id FROM candidate WHERE id >= :a AND id < :b ORDER BY id LIMIT 6"
        plan = writing.scalars(sa.text(query), {"a": "last", "b": "last\U0010ffff"}).all()
    assert any("Index" in line and "pk_candidate" in line for line in plan)
    with pytest.raises(Exception, match="no candidate"):
        candidate_by_prefix(database, "%_")


@pytest.fixture(scope="module")
def own_server():
    """A server that a test may take away."""
    with postgres_server() as server:
        yield server


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_a_server_that_restarts_is_waited_for(own_server, how) -> None:
    database = open_database(own_server.new_catalog())
    with database.write() as writing:
        insert_missing(writing, Render, [render("a")])
    own_server.stop(how)
    found = []

    def ask():
        with database.read() as reading:
            found.append(reading.scalar(sa.text("SELECT count(*) FROM render")))

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.5)
    assert found == []
    own_server.start()  # not in a thread: the kernel would stop the server as soon as that one ended
    asking.join()
    database.close()
    assert found == [1]


@pytest.mark.slow
def test_a_block_that_lost_its_connection_is_repeated_or_told(own_server) -> None:
    database, runs = open_database(own_server.new_catalog()), []

    def restart():
        own_server.stop()
        own_server.start()

    def work(session):
        runs.append(1)
        insert_missing(session, Render, [render("a")])
        if len(runs) == 1:
            restart()

    database.transact(work)
    assert len(runs) == 2
    with pytest.raises(DatabaseError) as caught, database.write() as writing:
        writing.connection().execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert caught.value.repeatable
    with database.read() as reading:
        assert reading.scalars(sa.select(Render.key)).all() == ["a" * 64]
    database.close()


@pytest.mark.slow
def test_patience_ends(own_server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db_session, "LONGEST_PAUSE_S", 0.05)
    database = open_database(own_server.new_catalog(), ServerLimits(patience_s=0.3))
    own_server.stop()
    started = time.monotonic()
    with pytest.raises(DatabaseError, match="refused") as caught:
        database.transact(lambda session: None)
    assert 0.3 <= time.monotonic() - started < 3
    assert own_server.password not in str(caught.value)
    own_server.start()
    database.transact(lambda session: None)
    database.close()
