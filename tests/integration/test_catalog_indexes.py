"""Every question that is measured on a million candidates can be answered by an index, on PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.catalog import open_catalog
from catalog.common.settings import Settings
from tests.bench.million import questions
from tests.bench.million_rows import SEEDS, SONGS, fill
from tests.support.statements import counted

ALBUMS = 2


@pytest.fixture(scope="module")
def filled(postgres, tmp_path_factory: pytest.TempPathFactory):
    settings = Settings(home=tmp_path_factory.mktemp("home"), database_url=postgres.new_catalog())
    with open_catalog(settings) as catalog:
        assert list(fill(catalog.database, ALBUMS))[-1] == "statistics"
        yield catalog


def test_the_rows_are_those_of_whole_albums(filled) -> None:
    asked = questions(filled, ALBUMS)
    status = asked["status of an album of 100 songs"](0)
    assert len(status) == SONGS
    assert {len(song.candidates) for song in status} == {SEEDS}  # type: ignore[attr-defined]
    assert all(song.winner for song in status)  # type: ignore[attr-defined]
    lineage = asked["lineage of a delivered file"](0).document()  # type: ignore[attr-defined]
    assert [activity["kind"] for activity in lineage["activities"]] == ["encode", "master", "render"]
    assert lineage["scores"].keys() == {"tempo_match", "mono_loss_lu"}
    assert lineage["decision"]["sentence"]
    assert len(asked["missing scores of an album"](0)) == SONGS * SEEDS


def test_no_question_reads_a_table_from_end_to_end(filled) -> None:
    for name, question in questions(filled, ALBUMS).items():
        told: list[Any] = []
        with counted(filled.database, parameters=told):
            question(0)
        for statement, values in told:
            with filled.database.engine.connect() as connection:
                connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
                plan = connection.exec_driver_sql(f"EXPLAIN {statement}", values).all()
            assert "Seq Scan" not in str(plan), (name, statement, plan)
