"""The sweep of bytes without a row against those who are about to name them."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from catalog.catalog import Catalog, open_catalog
from catalog.common.digests import digest_bytes
from catalog.common.errors import StoreError, TransientError
from catalog.ledger.results import artifact_digests
from catalog.ledger.work import ExecutionEnvironment, Product, StepOutcome
from catalog.recipe import Recipe
from catalog.store.gc import GIVE_UP_AFTER, collect_garbage
from catalog.store.local import FolderStore
from db.tables.album import Render

pytestmark = pytest.mark.both_databases
HERE = ExecutionEnvironment("test", {}, "cpu")
SONG = b"a song that was there before"
DIGEST = digest_bytes(SONG)
OLD_S = 7200.0


@pytest.fixture
def product(tmp_path: Path):
    (tmp_path / "song").write_bytes(SONG)
    return StepOutcome(products=(Product("audio", tmp_path / "song", "audio/wav", "e" * 64),))


def lease_of(catalog, seed=1):
    recipe = Recipe("faulty", 1, seed, 10.0, {"prompt": "x"})
    catalog.ledger.declare_renders([recipe])
    return catalog.ledger.claim("render", recipe.digest)


def commit(catalog, lease, product):
    catalog.ledger.commit(lease, product, seconds=1.0, execution=HERE)


def leave_garbage(catalog, data=SONG, age_s=OLD_S):
    digest = catalog.store.put_bytes(data).digest
    os.utime(catalog.store.local(digest), (time.time() - age_s,) * 2)
    return digest


def named(catalog):
    return {digest for digest, _ in artifact_digests(catalog.database)}


def watch(catalog, looking):
    """Let the catalog's store do ``looking`` whenever it is asked what lies there."""
    stat = catalog.store.stat

    def watched(digest):
        found = stat(digest)
        looking()
        return found

    catalog.store.stat = watched


@pytest.mark.slow
def test_nobody_waits_for_a_row_while_a_commit_asks_the_store(catalog: Catalog, settings, product) -> None:
    lease, waits = lease_of(catalog), []

    def looking():
        started = time.monotonic()
        with open_catalog(settings) as other, other.database.write() as session:
            session.execute(sa.update(Render).where(Render.key == lease.key).values(attempts=0))
        waits.append(time.monotonic() - started)

    watch(catalog, looking)
    commit(catalog, lease, product)
    assert len(waits) >= 2
    assert max(waits) < 2.0


@pytest.mark.slow
def test_bytes_taken_while_they_were_stored_again_are_missed_and_made_again(
    catalog: Catalog, settings, product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep saw them old; before it removes them, a writer stores them anew and would name them."""
    leave_garbage(catalog)
    lease, stored = lease_of(catalog), threading.Event()
    troubles: list[TransientError] = []

    class Sweeping(FolderStore):
        def with_timeout(self, patience_s):
            return InTurn(settings.store_path)

    class InTurn(FolderStore):
        def stat(self, digest):
            found = super().stat(digest)
            writer.start()
            stored.wait(5.0)
            time.sleep(0.1)  # it has stored them, and goes on as far as it may
            return found

    def putting(put):
        def stores(source):
            kept = put(source)
            stored.set()
            return kept

        return stores

    def write():
        try:
            commit(other, lease_there, product)
        except TransientError as error:
            troubles.append(error)

    with open_catalog(settings) as other:
        lease_there = lease
        monkeypatch.setattr(other.store, "put", putting(other.store.put))
        writer = threading.Thread(target=write)
        swept = collect_garbage(catalog.database, Sweeping(settings.store_path), 60.0)
        writer.join()
        assert [each.digest for each in swept.garbage] == [DIGEST]
        assert "removed before their row was written" in str(troubles[0])
        assert named(catalog) == set()
        commit(other, lease, product)
    assert catalog.store.verify(DIGEST)
    assert collect_garbage(catalog.database, catalog.store, 0.0).garbage == ()


@pytest.mark.slow
def test_a_row_never_points_at_missing_bytes_however_the_two_meet(catalog: Catalog, settings, product) -> None:
    lost = 0
    with open_catalog(settings) as other:
        for turn in range(12):
            (product.products[0].path).write_bytes(SONG + bytes([turn]))
            digest = leave_garbage(catalog, SONG + bytes([turn]))
            lease, barrier = lease_of(other, turn), threading.Barrier(2)

            def write(lease=lease, barrier=barrier):
                nonlocal lost
                barrier.wait()
                try:
                    commit(other, lease, product)
                except TransientError:
                    lost += 1

            writer = threading.Thread(target=write)
            writer.start()
            barrier.wait()
            time.sleep(0.002 * (turn % 4))
            collect_garbage(catalog.database, catalog.store, 0.0)
            writer.join()
            assert (digest not in named(catalog)) or catalog.store.verify(digest)
    assert len(named(catalog)) == 12 - lost


@pytest.mark.slow
def test_what_somebody_may_be_about_to_name_is_left_whatever_the_grace(catalog: Catalog, product) -> None:
    lease, digest = lease_of(catalog), leave_garbage(catalog, b"young", 5.0)
    assert collect_garbage(catalog.database, catalog.store, 0.0).garbage == ()
    commit(catalog, lease, product)
    assert [each.digest for each in collect_garbage(catalog.database, catalog.store, 0.0).garbage] == [digest]
    assert named(catalog) == {DIGEST}


def test_old_garbage_goes_while_others_work(catalog: Catalog) -> None:
    lease_of(catalog)
    digest = leave_garbage(catalog)
    assert [each.digest for each in collect_garbage(catalog.database, catalog.store, 60.0, dry_run=True).garbage] == [
        digest
    ]
    assert catalog.store.verify(digest)
    assert [each.digest for each in collect_garbage(catalog.database, catalog.store, 60.0).garbage] == [digest]


def test_bytes_that_waited_too_long_for_their_row_are_not_named(
    catalog: Catalog, product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.ledger.ledger.NAMED_WITHIN_S", -1.0)
    with pytest.raises(TransientError, match="not written in time"):
        commit(catalog, lease_of(catalog), product)
    assert named(catalog) == set()


@pytest.mark.slow
@pytest.mark.parametrize("comes_back", [True, False])
def test_replaced_bytes_are_pruned_only_while_they_are_gone(
    catalog: Catalog, product, tmp_path: Path, comes_back
) -> None:
    """Another piece of work may store the same bytes between the look and the commit."""
    first = lease_of(catalog)
    commit(catalog, first, product)
    catalog.store.delete(DIGEST)
    with catalog.database.write() as session:
        session.execute(sa.update(Render).values(state="planned"))
    (tmp_path / "other").write_bytes(b"other bytes")
    replaced = StepOutcome(products=(Product("audio", tmp_path / "other", "audio/wav", "f" * 64),))
    looks = []

    def looking():
        looks.append(1)
        if comes_back and len(looks) == 3:  # settled, then looked for what is replaced
            catalog.store.put_bytes(SONG)

    lease = lease_of(catalog)
    watch(catalog, looking)
    commit(catalog, lease, replaced)
    assert len(looks) >= 3
    assert dict(artifact_digests(catalog.database)) == {DIGEST: not comes_back, digest_bytes(b"other bytes"): False}


@pytest.mark.slow
def test_a_store_that_goes_away_after_the_commit_does_not_undo_it(catalog: Catalog, product, tmp_path: Path) -> None:
    commit(catalog, lease_of(catalog), product)
    catalog.store.delete(DIGEST)
    with catalog.database.write() as session:
        session.execute(sa.update(Render).values(state="planned"))
    (tmp_path / "other").write_bytes(b"other bytes")
    looks = []

    def looking():
        looks.append(1)
        if len(looks) > 3:
            raise StoreError("away")

    lease = lease_of(catalog)
    watch(catalog, looking)
    commit(catalog, lease, StepOutcome(products=(Product("audio", tmp_path / "other", "audio/wav", "f" * 64),)))
    assert lease_of(catalog).state == "rendered"


class Stubborn(FolderStore):
    """A store that does not remove some of what it has."""

    def __init__(self, root, keeps):
        super().__init__(root)
        self.keeps = keeps
        self.asked = []

    def delete(self, digest):
        self.asked.append(digest)
        if digest in self.keeps:
            raise StoreError("the store is slow", remedy="Wait")
        super().delete(digest)


def test_one_removal_that_fails_stops_no_other_and_is_told(catalog: Catalog, settings) -> None:
    digests = {leave_garbage(catalog, bytes([n])) for n in range(4)}
    kept = sorted(digests)[1]
    swept = collect_garbage(catalog.database, Stubborn(settings.store_path, {kept}), 60.0)
    assert {each.digest for each in swept.garbage} == digests - {kept}
    assert ([each.digest for each in swept.not_removed], str(swept.error)) == ([kept], "the store is slow. Wait.")
    assert {each.digest for each in collect_garbage(catalog.database, catalog.store, 60.0).garbage} == {kept}


@pytest.mark.slow
def test_a_store_that_is_away_is_not_asked_for_ever(catalog: Catalog, settings) -> None:
    digests = {leave_garbage(catalog, bytes([n])) for n in range(GIVE_UP_AFTER + 3)}
    store = Stubborn(settings.store_path, digests)
    swept = collect_garbage(catalog.database, store, 60.0)
    assert len(store.asked) == GIVE_UP_AFTER
    assert (swept.garbage, {each.digest for each in swept.not_removed}) == ((), digests)
