"""What every artifact store promises: in a folder, in MinIO, and in a second implementation of S3."""

from __future__ import annotations

import errno
import os
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest

from catalog.common.digests import digest_bytes
from catalog.common.errors import ArtifactLost, InputError, RefusedError, StoreError
from catalog.store.base import Store, object_name
from catalog.store.local import FolderStore

PARTS = (5 << 20) + 12345


@dataclass(frozen=True)
class Kept:
    """A store, and the hand that damages or ages it behind its back."""

    store: Store
    overwrite: Callable[[str, bytes], None]
    leave_unfinished: Callable[[], None]
    unfinished: Callable[[], int]


@pytest.fixture(params=["folder", "minio", "moto"])
def kept(request: pytest.FixtureRequest, tmp_path: Path):
    if request.param == "folder":
        return in_folder(tmp_path / "store")
    return in_bucket(request.getfixturevalue(request.param), tmp_path)


@pytest.fixture
def store(kept):
    return kept.store


def in_folder(root):
    def overwrite(digest, data):
        path = root / object_name(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(data)

    def leave_unfinished():
        path = root / "unfinished" / "tmpabc"
        path.write_bytes(b"half")
        os.utime(path, (time.time() - 100,) * 2)

    return Kept(FolderStore(root), overwrite, leave_unfinished, lambda: len(list((root / "unfinished").iterdir())))


def in_bucket(service, tmp_path):
    bucket = service.bucket(prefix="label/night")
    client = service.client()
    store = service.store(tmp_path / "cache", bucket)

    def overwrite(digest, data):
        client.put_object(bucket.name, f"{bucket.prefix}/{object_name(digest)}", BytesIO(data), len(data))

    def leave_unfinished():
        store.delete("0" * 64)  # opens the bucket
        key = f"{bucket.prefix}/{object_name('a' * 64)}"
        upload = client._create_multipart_upload(bucket.name, key, {})
        client._upload_part(bucket.name, key, b"half", None, upload, 1)

    return Kept(store, overwrite, leave_unfinished, lambda: len(client._list_multipart_uploads(bucket.name).uploads))


@pytest.mark.slow
@pytest.mark.parametrize("data", [b"", b"a song", os.urandom(PARTS)], ids=["empty", "small", "in parts"])
def test_bytes_come_back_by_their_digest(store, tmp_path: Path, data) -> None:
    (tmp_path / "song.wav").write_bytes(data)
    kept = store.put(tmp_path / "song.wav")
    assert (kept.digest, kept.size) == (digest_bytes(data), len(data))
    store.fetch(kept.digest, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data
    assert store.local(kept.digest).read_bytes() == data
    assert store.verify(kept.digest)
    assert store.put_bytes(data).digest == kept.digest


@pytest.mark.slow
def test_a_fetch_replaces_what_was_there(store, tmp_path: Path) -> None:
    (tmp_path / "back").write_bytes(b"something longer than the song")
    store.fetch(store.put_bytes(b"a song").digest, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"a song"


def test_what_lies_there_is_told(store) -> None:
    digests = {store.put_bytes(bytes([n])).digest for n in range(5)}
    listed = list(store.listing())
    assert [each.digest for each in listed] == sorted(digests)
    for each in listed:
        found = store.stat(each.digest)
        assert found is not None
        assert found.size == each.size == 1
        assert abs(found.stored_at - each.stored_at) < 1.0
        assert abs(found.stored_at - time.time()) < 5.0


@pytest.mark.slow
def test_the_same_bytes_are_kept_once_and_stay_young(store) -> None:
    first = store.put_bytes(b"x")
    listed = next(store.listing()).stored_at
    time.sleep(1.1)  # S3 tells whole seconds
    again = store.put_bytes(b"x")
    assert again.stored_at > first.stored_at
    (only,) = store.listing()
    assert only.digest == first.digest
    assert only.stored_at > listed
    assert store.verify(first.digest)


def test_local_files_cannot_be_written_to(store) -> None:
    assert store.local(store.put_bytes(b"x").digest).stat().st_mode & 0o222 == 0


@pytest.mark.parametrize("damage", [b"a sing", b"a son", b"a song!"])
def test_damage_is_found_and_never_handed_out(kept, tmp_path: Path, damage) -> None:
    digest = kept.store.put_bytes(b"a song").digest
    kept.overwrite(digest, damage)
    assert kept.store.stat(digest) is not None
    assert not kept.store.verify(digest)
    with pytest.raises(ArtifactLost, match="corrupt") as caught:
        kept.store.fetch(digest, tmp_path / "back")
    assert caught.value.ids["digest"] == digest
    assert not (tmp_path / "back").exists()
    with pytest.raises(ArtifactLost, match="corrupt"):
        kept.store.local(digest)


def test_removed_damage_can_be_put_anew(kept) -> None:
    digest = kept.store.put_bytes(b"a song").digest
    kept.overwrite(digest, b"a sing")
    kept.store.delete(digest)
    assert kept.store.stat(digest) is None
    kept.store.put_bytes(b"a song")
    assert kept.store.verify(digest)


def test_bytes_that_were_cut_short_are_put_again(kept) -> None:
    digest = kept.store.put_bytes(b"a song").digest
    kept.overwrite(digest, b"a so")
    kept.store.put_bytes(b"a song")
    assert kept.store.verify(digest)


def test_a_hurried_store_is_the_same_one(store) -> None:
    digest = store.put_bytes(b"a song").digest
    assert store.with_timeout(1.0).verify(digest)
    assert store.with_timeout(1.0).local(digest).read_bytes() == b"a song"


def test_missing_bytes_are_told_with_the_remedy(store, tmp_path: Path) -> None:
    digest = digest_bytes(b"never stored")
    assert store.stat(digest) is None
    assert not store.verify(digest)
    with pytest.raises(ArtifactLost, match="songline verify"):
        store.local(digest)
    with pytest.raises(ArtifactLost, match="not in the store"):
        store.fetch(digest, tmp_path / "back")
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "0" * 63])
def test_only_digests_are_looked_up(store, name) -> None:
    for look in (store.local, store.stat, store.delete, store.verify):
        with pytest.raises(StoreError, match="no SHA-256 digest"):
            look(name)


def test_deleting_twice_is_no_error(store) -> None:
    kept = store.put_bytes(b"x")
    store.delete(kept.digest)
    store.delete(kept.digest)
    assert list(store.listing()) == []
    with pytest.raises(ArtifactLost):
        store.local(kept.digest)


def test_what_killed_writers_left_is_swept(kept) -> None:
    kept.leave_unfinished()
    done = kept.store.put_bytes(b"x")
    assert kept.unfinished() == 1
    assert kept.store.sweep_unfinished(50.0 if isinstance(kept.store, FolderStore) else -5.0) == 1
    assert kept.unfinished() == 0
    assert kept.store.sweep_unfinished(-5.0) == 0
    assert kept.store.verify(done.digest)


def test_a_destination_that_cannot_be_written_is_told(store, tmp_path: Path) -> None:
    kept = store.put_bytes(b"x")
    with pytest.raises(StoreError, match="another folder"):
        store.fetch(kept.digest, tmp_path / "no" / "folder" / "back")


def test_links_end_or_are_refused(store) -> None:
    digest = store.put_bytes(b"a song").digest
    if isinstance(store, FolderStore):
        with pytest.raises(RefusedError, match="songline export"):
            store.presign(digest, 60)
        return
    with urllib.request.urlopen(store.presign(digest, 60)) as response:
        assert response.read() == b"a song"
    with pytest.raises(InputError, match="between 1 and"):
        store.presign(digest, 8 * 24 * 3600)
    with pytest.raises(ArtifactLost):
        store.presign(digest_bytes(b"never stored"), 60)


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def fails(part):
        part.write_bytes(b"a s")
        raise OSError(errno.ENOSPC, "No space left on device")

    store = FolderStore(tmp_path / "store")
    with pytest.raises(StoreError, match=r"No space left on device. Free disk space"):
        store.adopt(digest_bytes(b"a song"), fails)
    with pytest.raises(StoreError, match="damaged while it was stored"):
        store.adopt(digest_bytes(b"a song"), lambda part: part.write_bytes(b"a sing"))
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="something else belongs there"):
        FolderStore(tmp_path / "file" / "store")
