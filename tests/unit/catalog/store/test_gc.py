"""The sweep of bytes without a row against those who are about to name them."""

from __future__ import annotations

import os
import threading
import time

import pytest
import sqlalchemy as sa

from catalog.catalog import open_house
from catalog.common.digests import digest_bytes
from catalog.common.errors import StoreError, TransientError
from catalog.ledger.results import artifact_digests
from catalog.ledger.work import Circumstances, Outcome, Product
from catalog.recipe import Recipe
from catalog.store.gc import GIVE_UP_AFTER, sweep
from catalog.store.local import FolderStore
from db.tables.album import Render

pytestmark = pytest.mark.both_databases
HERE = Circumstances("test", {}, "cpu")
SONG = b"a song that was there before"
DIGEST = digest_bytes(SONG)
OLD_S = 7200.0


@pytest.fixture
def product(tmp_path):
    (tmp_path / "song").write_bytes(SONG)
    return Outcome(products=(Product("audio", tmp_path / "song", "audio/wav", "e" * 64),))


def lease_of(house, seed=1):
    recipe = Recipe("faulty", 1, seed, 10.0, {"prompt": "x"})
    house.ledger.declare_renders([recipe])
    return house.ledger.claim("render", recipe.digest)


def commit(house, lease, product):
    house.ledger.commit(lease, product, seconds=1.0, circumstances=HERE)


def leave_garbage(house, data=SONG, age_s=OLD_S):
    digest = house.store.put_bytes(data).digest
    os.utime(house.store.local(digest), (time.time() - age_s,) * 2)
    return digest


def named(house):
    return {digest for digest, _ in artifact_digests(house.database)}


class Watched(FolderStore):
    """A store that does ``looking`` whenever it is asked what lies there."""

    def __init__(self, root, looking):
        super().__init__(root)
        self._looking = looking

    def stat(self, digest):
        found = super().stat(digest)
        self._looking()
        return found


def watch(house, looking):
    house.ledger._store = Watched(house.settings.store_path, looking)


def test_nobody_waits_for_a_row_while_a_commit_asks_the_store(house, settings, product):
    lease, waits = lease_of(house), []

    def looking():
        started = time.monotonic()
        with open_house(settings) as other, other.database.write() as session:
            session.execute(sa.update(Render).where(Render.key == lease.key).values(attempts=0))
        waits.append(time.monotonic() - started)

    watch(house, looking)
    commit(house, lease, product)
    assert len(waits) >= 2
    assert max(waits) < 2.0


def test_bytes_taken_while_they_were_stored_again_are_missed_and_made_again(house, settings, product):
    """The sweep saw them old; before it removes them, a writer stores them anew and would name them."""
    leave_garbage(house)
    lease, stored, troubles = lease_of(house), threading.Event(), []

    class Sweeping(FolderStore):
        def hurried(self, patience_s):
            return InTurn(settings.store_path)

    class InTurn(FolderStore):
        def stat(self, digest):
            found = super().stat(digest)
            writer.start()
            stored.wait(5.0)
            time.sleep(0.1)  # it has stored them, and goes on as far as it may
            return found

    class Writing(FolderStore):
        def put(self, source):
            kept = super().put(source)
            stored.set()
            return kept

    def write():
        try:
            commit(other, lease_there, product)
        except TransientError as error:
            troubles.append(error)

    with open_house(settings) as other:
        lease_there = lease
        other.ledger._store = Writing(settings.store_path)
        writer = threading.Thread(target=write)
        swept = sweep(house.database, Sweeping(settings.store_path), 60.0)
        writer.join()
        assert [each.digest for each in swept.garbage] == [DIGEST]
        assert "swept before their row" in str(troubles[0])
        assert named(house) == set()
        commit(other, lease, product)
    assert house.store.verify(DIGEST)
    assert sweep(house.database, house.store, 0.0).garbage == ()


def test_a_row_never_points_at_missing_bytes_however_the_two_meet(house, settings, product):
    lost = 0
    with open_house(settings) as other:
        for turn in range(12):
            (product.products[0].path).write_bytes(SONG + bytes([turn]))
            digest = leave_garbage(house, SONG + bytes([turn]))
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
            sweep(house.database, house.store, 0.0)
            writer.join()
            assert (digest not in named(house)) or house.store.verify(digest)
    assert len(named(house)) == 12 - lost


def test_what_somebody_may_be_about_to_name_is_left_whatever_the_grace(house, product):
    lease, digest = lease_of(house), leave_garbage(house, b"young", 5.0)
    assert sweep(house.database, house.store, 0.0).garbage == ()
    commit(house, lease, product)
    assert [each.digest for each in sweep(house.database, house.store, 0.0).garbage] == [digest]
    assert named(house) == {DIGEST}


def test_old_garbage_goes_while_others_work(house):
    lease_of(house)
    digest = leave_garbage(house)
    assert [each.digest for each in sweep(house.database, house.store, 60.0, dry_run=True).garbage] == [digest]
    assert house.store.verify(digest)
    assert [each.digest for each in sweep(house.database, house.store, 60.0).garbage] == [digest]


def test_bytes_that_waited_too_long_for_their_row_are_not_named(house, product, monkeypatch):
    monkeypatch.setattr("catalog.ledger.ledger.NAMED_WITHIN_S", -1.0)
    with pytest.raises(TransientError, match="waited too long"):
        commit(house, lease_of(house), product)
    assert named(house) == set()


@pytest.mark.parametrize("comes_back", [True, False])
def test_replaced_bytes_are_pruned_only_while_they_are_gone(house, product, tmp_path, comes_back):
    """Another piece of work may store the same bytes between the look and the commit."""
    first = lease_of(house)
    commit(house, first, product)
    house.store.delete(DIGEST)
    with house.database.write() as session:
        session.execute(sa.update(Render).values(state="planned"))
    (tmp_path / "other").write_bytes(b"other bytes")
    replaced = Outcome(products=(Product("audio", tmp_path / "other", "audio/wav", "f" * 64),))
    looks = []

    def looking():
        looks.append(1)
        if comes_back and len(looks) == 3:  # settled, then looked for what is replaced
            house.store.put_bytes(SONG)

    lease = lease_of(house)
    watch(house, looking)
    commit(house, lease, replaced)
    assert len(looks) >= 3
    assert dict(artifact_digests(house.database)) == {DIGEST: not comes_back, digest_bytes(b"other bytes"): False}


def test_a_store_that_goes_away_after_the_commit_does_not_undo_it(house, product, tmp_path):
    commit(house, lease_of(house), product)
    house.store.delete(DIGEST)
    with house.database.write() as session:
        session.execute(sa.update(Render).values(state="planned"))
    (tmp_path / "other").write_bytes(b"other bytes")
    looks = []

    def looking():
        looks.append(1)
        if len(looks) > 3:
            raise StoreError("away")

    lease = lease_of(house)
    watch(house, looking)
    commit(house, lease, Outcome(products=(Product("audio", tmp_path / "other", "audio/wav", "f" * 64),)))
    assert lease_of(house).state == "rendered"


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


def test_one_removal_that_fails_stops_no_other_and_is_told(house, settings):
    digests = {leave_garbage(house, bytes([n])) for n in range(4)}
    kept = sorted(digests)[1]
    swept = sweep(house.database, Stubborn(settings.store_path, {kept}), 60.0)
    assert {each.digest for each in swept.garbage} == digests - {kept}
    assert ([each.digest for each in swept.left], str(swept.trouble)) == ([kept], "the store is slow. Wait.")
    assert {each.digest for each in sweep(house.database, house.store, 60.0).garbage} == {kept}


def test_a_store_that_is_away_is_not_asked_for_ever(house, settings):
    digests = {leave_garbage(house, bytes([n])) for n in range(GIVE_UP_AFTER + 3)}
    store = Stubborn(settings.store_path, digests)
    swept = sweep(house.database, store, 60.0)
    assert len(store.asked) == GIVE_UP_AFTER
    assert (swept.garbage, {each.digest for each in swept.left}) == ((), digests)
