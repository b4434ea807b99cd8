import os
import time

import pytest

from catalog.digests import digest_bytes
from catalog.errors import StoreError
from catalog.store.files import FolderStore


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path / "store")


def test_bytes_come_back_by_their_digest(store, tmp_path):
    kept = store.put_bytes(b"a song")
    assert kept.digest == digest_bytes(b"a song")
    assert kept.size == 6
    store.fetch(kept.digest, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"a song"
    assert store.local(kept.digest).read_bytes() == b"a song"


def test_the_same_bytes_are_kept_once_and_stay_young(store):
    first = store.put_bytes(b"x")
    os.utime(store.local(first.digest), (0, 0))
    again = store.put_bytes(b"x")
    assert [s.digest for s in store.listing()] == [first.digest]
    assert again.stored_at > time.time() - 60
    assert next(store.listing()).stored_at > time.time() - 60


def test_stored_bytes_cannot_be_written_to(store):
    assert store.local(store.put_bytes(b"x").digest).stat().st_mode & 0o222 == 0


def test_damage_is_found_and_never_handed_out(store, tmp_path):
    kept = store.put_bytes(b"a song")
    path = store.local(kept.digest)
    path.chmod(0o644)
    path.write_bytes(b"a sing")
    assert not store.verify(kept.digest)
    with pytest.raises(StoreError, match="corrupt"):
        store.fetch(kept.digest, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_missing_bytes_are_told_with_the_remedy(store):
    digest = digest_bytes(b"never stored")
    assert store.stat(digest) is None
    assert not store.verify(digest)
    with pytest.raises(StoreError, match="songline verify"):
        store.local(digest)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "0" * 63])
def test_only_digests_are_looked_up(store, name):
    with pytest.raises(StoreError, match="no SHA-256 digest"):
        store.local(name)


def test_deleting_twice_is_no_error(store):
    kept = store.put_bytes(b"x")
    store.delete(kept.digest)
    store.delete(kept.digest)
    assert list(store.listing()) == []


def test_half_written_files_of_killed_writers_are_swept(store, tmp_path):
    leftover = tmp_path / "store" / "unfinished" / "tmpabc"
    leftover.write_bytes(b"half")
    assert store.sweep_unfinished(60.0) == 0
    os.utime(leftover, (0, 0))
    assert store.sweep_unfinished(60.0) == 1
    assert not leftover.exists()


def test_a_store_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="SONGLINE_HOME"):
        FolderStore(tmp_path / "file" / "store")
