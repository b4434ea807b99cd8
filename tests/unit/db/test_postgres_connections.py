"""Connections to PostgreSQL: their bounds, their secrets, and what a reader sees."""

from __future__ import annotations

import time

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from catalog.plan.queries import candidate_by_prefix
from db.errors import translate_errors
from db.postgres import postgres_engine
from db.session import DatabaseError, open_database
from db.statements import insert_missing
from db.tables.album import Render
from db.tables.base import database_now
from tests.unit.db.postgres_catalog import QUICK, ROW, database, render, url

__all__ = ["database", "url"]


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
        other.write(exclusive=True),
        pytest.raises(DatabaseError, match="lock timeout") as caught,
        database.write(),
    ):
        pytest.fail("it wrote beside one who writes alone")
    assert not caught.value.repeatable
    database.close()
    other.close()


def test_connections_that_are_all_in_use_are_trouble(url, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.postgres.POOL_TIMEOUT_S", 0.1)
    engine = postgres_engine(make_url(url), QUICK)
    held = [engine.connect() for _ in range(4)]
    with pytest.raises(DatabaseError, match="connections"), translate_errors():
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


def test_a_prefix_is_looked_up_in_the_index(database) -> None:
    with database.write() as writing:
        writing.execute(sa.text("SET LOCAL enable_seqscan = off"))
        query = "EXPLAIN SELECT id FROM candidate WHERE id >= :a AND id < :b ORDER BY id LIMIT 6"
        plan = writing.scalars(sa.text(query), {"a": "last", "b": "last\U0010ffff"}).all()
    assert any("Index" in line and "pk_candidate" in line for line in plan)
    with pytest.raises(Exception, match="no candidate"):
        candidate_by_prefix(database, "%_")
