"""Checkpoints of a training: kept under its lease, thinned out, gone when it is done; and what others remove of it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from catalog.backup.backup import back_up, restore
from catalog.catalog import Catalog, open_catalog
from catalog.common.errors import LeaseLost, TransientError
from catalog.common.settings import Settings
from catalog.housekeeping.removal import remove_old_builds
from catalog.ledger.checkpoints import NewCheckpoint, add_checkpoint, checkpoints_of, store_checkpoint
from catalog.ledger.work import ExecutionEnvironment, Lease, Product, StepOutcome, StepRequest
from catalog.store.gc import NAMED_WITHIN_S, collect_garbage
from db.tables.album import Step
from db.tables.provenance import Artifact

HERE = ExecutionEnvironment("test", {}, "cpu")
REQUEST = StepRequest("train", 1, {"seed": 1})


def claimed(catalog: Catalog) -> Lease:
    catalog.ledger.declare_steps([REQUEST])
    lease = catalog.ledger.claim("step", REQUEST.key)
    assert isinstance(lease, Lease)
    return lease


def add(
    catalog: Catalog,
    lease: Lease,
    number: int,
    *,
    best: bool = False,
    text: str = "",
    seconds_left: float | None = None,
) -> list[str]:
    text = text or f"after {number}"
    new = NewCheckpoint(number, f"adapter {text}".encode(), f"state {text}".encode(), 1.0 / number, best)
    deadline_s = time.monotonic() + (NAMED_WITHIN_S if seconds_left is None else seconds_left)
    stored = store_checkpoint(catalog.database, catalog.store, new)
    return catalog.ledger.while_held(
        lease, lambda session, _row: add_checkpoint(session, lease, new, *stored), deadline_s=deadline_s
    )


def numbers(catalog: Catalog) -> list[tuple[int, bool]]:
    return [(found.number, found.is_best) for found in checkpoints_of(catalog.database, REQUEST.key)]


@pytest.mark.both_databases
def test_the_best_and_the_newest_two_are_kept(catalog: Catalog) -> None:
    lease = claimed(catalog)
    garbage = [add(catalog, lease, number, best=number in (2, 3)) for number in (1, 2, 3, 4, 5, 6)]
    assert numbers(catalog) == [(6, False), (5, False), (3, True)]
    assert [len(digests) for digests in garbage] == [0, 0, 2, 2, 0, 2]
    with catalog.database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Artifact)) == 6


def test_an_adapter_of_which_a_preview_is_to_be_made_is_kept(catalog: Catalog) -> None:
    lease = claimed(catalog)
    add(catalog, lease, 1)
    adapter = checkpoints_of(catalog.database, REQUEST.key)[0].adapter_digest
    catalog.ledger.declare_steps([StepRequest("preview", 1, {}, {"adapter": adapter})])
    garbage = [digest for number in (2, 3, 4) for digest in add(catalog, lease, number)]
    assert adapter not in garbage
    assert [digest[:8] for digest in garbage] == [digest[:8] for digest in garbage_of(catalog, "state after 1", 2)]


def garbage_of(catalog: Catalog, first: str, second: int) -> list[str]:
    """The state of one checkpoint, and then both files of another, in the order in which they were removed."""
    state = catalog.store.put_bytes(first.encode()).digest
    return [state, *sorted(add_digests(catalog, second))]


def test_a_training_that_went_back_replaces_what_it_had_after(catalog: Catalog) -> None:
    lease = claimed(catalog)
    for number in (1, 2):
        add(catalog, lease, number)
    assert add(catalog, lease, 1) == sorted(add_digests(catalog, 2)), "the same bytes again are no garbage"
    assert numbers(catalog) == [(1, False)]


def add_digests(catalog: Catalog, number: int) -> list[str]:
    return [catalog.store.put_bytes(f"{kind} after {number}".encode()).digest for kind in ("adapter", "state")]


def test_a_lost_lease_adds_nothing(catalog: Catalog, settings) -> None:
    stale = claimed(catalog)
    with catalog.database.write() as session:
        session.execute(sa.update(Step).values(lease_until=0.0))
    with open_catalog(settings) as other:
        fresh = other.ledger.claim("step", REQUEST.key)
        with pytest.raises(LeaseLost):
            add(catalog, stale, 1)
        add(other, fresh, 2)
    assert numbers(catalog) == [(2, False)]


def test_bytes_that_were_stored_too_long_ago_get_no_row(catalog: Catalog) -> None:
    """The sweep may have taken them by then."""
    lease = claimed(catalog)
    with pytest.raises(TransientError, match="not written in time"):
        add(catalog, lease, 1, seconds_left=-1.0)
    assert numbers(catalog) == []


def test_neither_gc_nor_the_removal_of_old_builds_takes_a_training_its_files(catalog: Catalog, tmp_path: Path) -> None:
    lease = claimed(catalog)
    add(catalog, lease, 1, best=True)
    (tmp_path / "adapter").write_bytes(b"adapter after 1")
    assert collect_garbage(catalog.database, catalog.store, -1.0).garbage == ()
    made = StepOutcome({}, (Product("adapter", tmp_path / "adapter", "application/x-safetensors"),))
    catalog.ledger.commit(lease, made, seconds=1.0, execution=HERE)
    assert numbers(catalog) == []
    remove_old_builds(catalog.database, catalog.store, 1)
    swept = collect_garbage(catalog.database, catalog.store, -1.0)
    assert [entry.size for entry in swept.garbage] == [len(b"state after 1")]
    assert [entry.size for entry in catalog.store.listing()] == [len(b"adapter after 1")]


@pytest.mark.both_databases
def test_a_backup_of_a_training_in_progress_goes_on_elsewhere(catalog: Catalog, tmp_path: Path) -> None:
    add(catalog, claimed(catalog), 3, best=True)
    before = checkpoints_of(catalog.database, REQUEST.key)
    back_up(catalog.database, catalog.store, tmp_path / "backup")
    with open_catalog(Settings(home=tmp_path / "other")) as other:
        restore(other.database, other.store, tmp_path / "backup")
        assert checkpoints_of(other.database, REQUEST.key) == before
        assert isinstance(other.ledger.claim("step", REQUEST.key), Lease)
        assert other.store.local(before[0].state_digest).read_bytes() == b"state after 3"
