"""Writers side by side on PostgreSQL."""

from __future__ import annotations

import threading
import time

import pytest
import sqlalchemy as sa

from db.session import open_database
from db.statements import ROW_LOCK, insert_missing
from db.tables.album import Album, Render, Song
from tests.unit.db.postgres_catalog import QUICK, at_once, database, render, url

__all__ = ["database", "url"]


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
        with database.write(exclusive=True):
            order.append("swept")

    with database.write():
        sweeping = threading.Thread(target=sweep)
        sweeping.start()
        time.sleep(0.3)
        order.append("written")
    sweeping.join()
    database.close()
    assert order == ["written", "swept"]
