from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from catalog.common.digests import digest_bytes
from catalog.common.errors import ArtifactLost, StoreError
from catalog.store.cache import LocalCache

OLD = 7200.0


class Source:
    """Where downloads come from; counts them."""

    def __init__(self, *songs):
        self.songs = {digest_bytes(song): song for song in songs}
        self.downloads = []

    def into(self, cache, digest):
        def download(part):
            self.downloads.append(digest)
            part.write_bytes(self.songs[digest])

        return cache.get(digest, download)


def cache_of(folder, limit_bytes=1000, **settings):
    return LocalCache(folder / "cache", limit_bytes=limit_bytes, **settings)


def age(path, seconds=OLD):
    os.utime(path, (time.time() - seconds,) * 2)


def test_an_artifact_is_downloaded_once(tmp_path: Path) -> None:
    source, cache = Source(b"a song"), cache_of(tmp_path)
    (digest,) = source.songs
    paths = {source.into(cache, digest), source.into(cache_of(tmp_path), digest)}
    assert [path.read_bytes() for path in paths] == [b"a song"]
    assert source.downloads == [digest]


def test_the_least_recently_used_leave_first(tmp_path: Path) -> None:
    source, cache = Source(*(bytes([n]) * 400 for n in range(4))), cache_of(tmp_path)
    one, two, three, four = source.songs
    first, second = source.into(cache, one), source.into(cache, two)
    age(first), age(second, OLD + 1)
    source.into(cache, one)
    third = source.into(cache, three)
    assert (first.exists(), second.exists(), third.exists()) == (True, False, True)
    age(first), age(third, OLD - 1)
    source.into(cache, four)
    assert not first.exists()
    assert third.exists()
    assert source.into(cache, one).read_bytes() == source.songs[one]


def test_a_copy_that_was_damaged_here_is_downloaded_again(tmp_path: Path) -> None:
    source, cache = Source(b"a song"), cache_of(tmp_path)
    (digest,) = source.songs
    path = source.into(cache, digest)
    reader = path.open("rb")
    path.chmod(0o644)
    path.write_bytes(b"a sing")
    assert source.into(cache, digest).read_bytes() == b"a song"
    assert source.downloads == [digest] * 2
    assert not path.stat().st_mode & 0o222
    assert reader.read() == b"a sing"  # who has it open reads on in the old file
    reader.close()


def test_what_was_asked_for_lately_stays_whatever_the_limit(tmp_path: Path) -> None:
    source, cache = Source(b"x" * 400, b"y" * 400, b"z" * 400), cache_of(tmp_path, 0, in_use_s=60.0)
    paths = [source.into(cache, digest) for digest in source.songs]
    age(paths[0], 50.0)
    source.into(cache, list(source.songs)[2])
    assert all(path.exists() for path in paths)


def test_a_download_that_fails_leaves_nothing_to_be_read(tmp_path: Path) -> None:
    cache, digest = cache_of(tmp_path), digest_bytes(b"a song")

    def fails(part):
        part.write_bytes(b"a s")
        raise ArtifactLost("it is corrupt")

    with pytest.raises(ArtifactLost):
        cache.get(digest, fails)
    source = Source(b"a song")
    assert source.into(cache, digest).read_bytes() == b"a song"


def test_what_a_killed_process_left_is_taken_up_and_old_leftovers_are_swept(tmp_path: Path) -> None:
    source, cache = Source(b"a song"), cache_of(tmp_path)
    (digest,) = source.songs
    left = tmp_path / "cache" / "unfinished" / digest
    left.parent.mkdir(parents=True)
    left.write_bytes(b"something much longer than the song")
    left.chmod(0o444)
    assert source.into(cache, digest).read_bytes() == b"a song"
    assert not left.exists()
    left.write_bytes(b"half")
    assert cache.sweep_unfinished(60.0) == 0
    age(left)
    assert cache.sweep_unfinished(60.0) == 1
    assert not left.exists()


def test_a_download_under_way_is_not_swept(tmp_path: Path) -> None:
    cache, digest, swept = cache_of(tmp_path), digest_bytes(b"a song"), []

    def download(part):
        part.write_bytes(b"a song")
        age(part)
        swept.append(cache.sweep_unfinished(60.0))

    assert cache.get(digest, download).read_bytes() == b"a song"
    assert swept == [0]


@pytest.mark.slow
def test_several_processes_download_once_and_all_read(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import os, pathlib, sys, time
        from catalog.store.cache import LocalCache
        folder, digest = pathlib.Path(sys.argv[1]), sys.argv[2]
        def download(part):
            with open(folder / "downloads", "a") as told:
                told.write(f"{os.getpid()}\\n")
            with part.open("wb") as target:
                target.write(b"a "); target.flush(); time.sleep(0.3); target.write(b"song")
        print(LocalCache(folder / "cache", limit_bytes=0).get(digest, download).read_text())
        """
    )
    command = [sys.executable, "-c", script, str(tmp_path), digest_bytes(b"a song")]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [reader.communicate(timeout=30)[0].strip() for reader in readers] == ["a song"] * 4
    assert len((tmp_path / "downloads").read_text().splitlines()) == 1
    assert list((tmp_path / "cache" / "unfinished").iterdir()) == []


def test_a_forgotten_artifact_is_downloaded_again(tmp_path: Path) -> None:
    source, cache = Source(b"a song"), cache_of(tmp_path)
    (digest,) = source.songs
    cache.drop(digest)
    assert not source.into(cache, digest).stat().st_mode & 0o222
    cache.drop(digest)
    source.into(cache, digest)
    assert source.downloads == [digest] * 2


def test_a_full_disk_is_told_with_the_remedy(tmp_path: Path) -> None:
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StoreError, match=r"No space left on device. Free disk space there, or lower SONGLINE_CACHE_GB"):
        cache_of(tmp_path).get(digest_bytes(b"x"), full)
