"""Many values in one parameter, on both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from db.in_values import in_values
from db.session import open_database
from db.tables.album import Album, Song
from tests.support.statements import counted

pytestmark = pytest.mark.both_databases


@pytest.fixture
def database(database_url, tmp_path: Path):
    opened = open_database(database_url or f"sqlite:///{tmp_path / 'catalog.db'}")
    with opened.write() as session:
        session.add_all(Album(id=name, title=name, manifest={}, manifest_digest="0") for name in ("a", "b'", "ü"))
        session.flush()
        session.add_all(Song(id=n, album_id="a", slug=str(n), title="", position=n) for n in range(1, 4))
    yield opened
    opened.close()


def found(database, column, values):
    with database.read() as session:
        return set(session.scalars(sa.select(column).where(in_values(column, values))))


@pytest.mark.parametrize("values", [[], ["a"], ["a", "a", "nobody"], ["b'", "ü", '"', "\\"]])
def test_texts_are_found(database, values) -> None:
    assert found(database, Album.id, values) == {"a", "b'", "ü"} & set(values)


def test_numbers_are_found(database) -> None:
    assert found(database, Song.id, [1, 3, 99]) == {1, 3}


@pytest.mark.slow
def test_more_values_than_a_statement_takes_parameters_are_one_statement(database) -> None:
    with counted(database) as sent:
        assert found(database, Album.id, [str(number) for number in range(70_000)] + ["a"]) == {"a"}
    assert len([statement for statement in sent if "SELECT" in statement]) == 1


def test_other_values_are_not_those_of_the_first_call(database) -> None:
    assert found(database, Album.id, ["a"]) == {"a"}
    assert found(database, Album.id, ["ü", "a"]) == {"ü", "a"}


def test_an_index_finds_them(database) -> None:
    query = sa.select(Album.id).where(in_values(Album.id, ["a"]))
    sent: list[Any] = []
    with counted(database, parameters=sent), database.read() as session:
        session.execute(query)
    statement, values = sent[-1]
    with database.read() as session:
        connection = session.connection()
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # it reads a table of three rows whole
            plan = connection.exec_driver_sql(f"EXPLAIN {statement}", values).all()
            assert "Index Only Scan" in str(plan)
        else:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            assert "SEARCH album" in str(plan)
