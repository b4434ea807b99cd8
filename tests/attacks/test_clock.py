"""A clock set back: what was dated before waits for nothing longer than it may at most be."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from catalog.catalog import Catalog, open_catalog
from catalog.common.errors import TransientError
from catalog.files import owners
from catalog.ledger.submissions import (
    SubmissionRequest,
    counted_since,
    live_leases,
    release_expired_leases,
    submission_of,
    submit,
)
from catalog.ledger.work import ExecutionEnvironment, Lease, WorkStatus
from catalog.monitoring.figures import pipeline_figures
from catalog.monitoring.poller import MetricsPoller
from catalog.recipe import Recipe
from catalog.store.cache import LocalCache
from catalog.store.local import FolderStore
from db.tables.album import Album, Render
from db.tables.base import database_now
from db.tables.submission import Submission
from flows.orchestration.budget import budget_of

DAY_S = 86400.0
HERE = ExecutionEnvironment("test", {}, "cpu")
RECIPE = Recipe("faulty", 1, 42, 10.0, {"prompt": "x"})
KEY = RECIPE.digest


def dated(catalog, **columns: float) -> None:
    """Write times that lie so many seconds ahead, as those from before the clock was set back do."""
    with catalog.database.write() as session:
        ahead = {name: database_now() + seconds for name, seconds in columns.items()}
        session.execute(sa.update(Render).values(ahead))


@pytest.fixture
def declared(catalog: Catalog):
    catalog.ledger.declare_renders([RECIPE])
    return catalog


@pytest.mark.both_databases
def test_a_lease_from_before_the_clock_was_set_back_is_over(declared, settings) -> None:
    assert isinstance(declared.ledger.claim("render", KEY), Lease)
    dated(declared, lease_until=DAY_S)
    assert live_leases(declared.database, [KEY]) == set()
    assert pipeline_figures(declared.database).leases[("render", "expired")] == 1
    with open_catalog(settings) as other:
        lease = other.ledger.claim("render", KEY)
    assert isinstance(lease, Lease)
    assert lease.fence == 2


@pytest.mark.both_databases
def test_reconcile_frees_a_lease_from_before_the_clock_was_set_back(declared) -> None:
    declared.ledger.claim("render", KEY)
    dated(declared, lease_until=3600.0)
    assert release_expired_leases(declared.database) == 1


@pytest.mark.both_databases
def test_a_lease_that_runs_stays_its_owners(declared, settings) -> None:
    declared.ledger.claim("render", KEY)
    with open_catalog(settings) as other:
        assert isinstance(other.ledger.claim("render", KEY), WorkStatus)
    assert live_leases(declared.database, [KEY]) == {KEY}
    assert release_expired_leases(declared.database) == 0


@pytest.mark.both_databases
def test_a_due_time_from_before_the_clock_was_set_back_is_now(declared) -> None:
    dated(declared, due_at=DAY_S)
    assert declared.ledger.statuses("render", [KEY])[KEY].wait_s == 0.0
    assert isinstance(declared.ledger.claim("render", KEY), Lease)


@pytest.mark.both_databases
def test_a_due_time_within_its_bound_is_waited_for(declared) -> None:
    dated(declared, due_at=300.0)
    status = declared.ledger.claim("render", KEY)
    assert isinstance(status, WorkStatus)
    assert 200 < status.wait_s <= 300


def test_no_attempt_waits_longer_than_the_bound(settings) -> None:
    with open_catalog(settings.model_copy(update={"max_attempts": 5000, "retry_base_s": 1e6})) as catalog:
        catalog.ledger.declare_renders([RECIPE])
        for attempts in (0, 4000):
            with catalog.database.write() as session:
                session.execute(sa.update(Render).values(attempts=attempts, due_at=0.0))
            catalog.ledger.fail(catalog.ledger.claim("render", KEY), TransientError("x"), seconds=0.1, execution=HERE)
            assert 0 < catalog.ledger.statuses("render", [KEY])[KEY].wait_s <= 600


@pytest.mark.both_databases
def test_minutes_are_counted_although_the_clock_was_set_back(declared) -> None:
    """They were counted from a moment to come, so that an album spent without end."""
    catalog = declared
    with catalog.database.write() as session:
        session.add(Album(id="small", title="x", manifest={}, manifest_digest="d" * 64))
    submit(catalog.database, SubmissionRequest("small", "d" * 64, max_gpu_minutes=1.0))
    with catalog.database.write() as session:
        session.execute(sa.update(Submission).values(counted_from=database_now() + DAY_S))
    submission = submission_of(catalog.database, "small")
    first = budget_of(catalog.database, submission, expected_s={KEY: 1.0}, assigned=())
    catalog.ledger.fail(catalog.ledger.claim("render", KEY), TransientError("x"), seconds=0.0, execution=HERE)
    with catalog.database.write() as session:
        session.execute(sa.text("UPDATE activity SET seconds = 50"))
    again = budget_of(catalog.database, submission, expected_s={KEY: 1.0}, assigned=())
    assert (first.remaining_s, again.remaining_s) == (60.0, 10.0)
    assert counted_since(catalog.database, submission) < time.time() + 60


def test_garbage_from_before_the_clock_was_set_back_ages_from_now_on(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    kept = store.put_bytes(b"x")
    path = next(tmp_path.glob("objects/*/*/*"))
    part = tmp_path / "unfinished" / "part"
    part.touch()
    for file in (path, part):
        os.utime(file, (time.time() + DAY_S,) * 2)
    assert store.sweep_unfinished(3600) == 0
    assert [found.digest for found in store.listing()] == [kept.digest]
    for file in (path, part):
        assert abs(file.stat().st_mtime - time.time()) < 60


def test_a_cache_from_before_the_clock_was_set_back_keeps_its_bound(tmp_path: Path) -> None:
    cache = LocalCache(tmp_path, limit_bytes=1, in_use_s=0.05)
    digest = "a" * 64
    path = tmp_path / "objects" / digest[:2] / digest
    path.parent.mkdir(parents=True)
    path.write_bytes(b"old")
    os.utime(path, (time.time() + DAY_S,) * 2)
    for name in "bc":
        cache.get(name * 64, lambda part: part.write_bytes(b"new"))
        time.sleep(0.1)
    assert not path.exists()


def test_the_lock_of_a_dead_process_goes_although_it_is_dated_ahead(tmp_path: Path) -> None:
    owner = owners.LeaseOwner(tmp_path)
    name = owner.name
    owner.release()
    (tmp_path / name).touch()
    os.utime(tmp_path / name, (time.time() + DAY_S,) * 2)
    owners.remove_dead_owners(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_monitor_counts_on_after_the_clock_was_set_back(declared, settings, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1e9 + 10 * DAY_S]
    monkeypatch.setattr("catalog.monitoring.poller.database_clock", lambda _: clock[0])
    watch = MetricsPoller(settings, fresh_s=-1.0)
    watch.see()
    clock[0] -= 9 * DAY_S
    watch.see()
    declared.ledger.fail(declared.ledger.claim("render", KEY), TransientError("x"), seconds=1.0, execution=HERE)
    with declared.database.write() as session:
        session.execute(sa.text("UPDATE activity SET started_at = :now"), {"now": clock[0]})
    assert sum(watch.see().renders.attempts.values()) == 1
    watch.close()
