"""A PostgreSQL server that goes and comes back."""

from __future__ import annotations

import signal
import threading
import time

import pytest
import sqlalchemy as sa

from db import session as db_session
from db.postgres import ServerLimits
from db.session import DatabaseError, open_database
from db.statements import insert_missing
from db.tables.album import Render
from tests.support.services.postgres_server import postgres_server
from tests.unit.db.postgres_catalog import database, render, url

__all__ = ["database", "url"]


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
