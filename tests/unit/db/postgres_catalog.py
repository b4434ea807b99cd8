"""An empty catalog on PostgreSQL, and rows and threads for it."""

from __future__ import annotations

import threading

import pytest

from db.postgres import ServerLimits
from db.session import open_database

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
