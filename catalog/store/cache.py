"""A local cache of a remote store's artifacts: downloaded once, bounded, shared by several processes."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.common.digests import digest_file
from catalog.common.errors import StoreError
from catalog.files.permissions import file_mode_in, private_folder
from catalog.store.dates import settled_date

IN_USE_S = 3600.0


class LocalCache:
    """``objects/ab/<digest>`` under ``root``, at most ``limit_bytes``, the least recently used evicted first.

    A file's date is its last request. One requested less than ``in_use_s`` ago is kept, whatever the limit: its
    reader may not have opened it yet.
    """

    def __init__(self, root: Path, *, limit_bytes: int, in_use_s: float = IN_USE_S) -> None:
        self._root = root
        self._objects = root / "objects"
        self._unfinished = root / "unfinished"
        self._limit_bytes = limit_bytes
        self._in_use_s = in_use_s

    def get(self, digest: str, download: Callable[[Path], None]) -> Path:
        """The artifact's read-only file; ``download`` writes it, verified, where it is missing or damaged here."""
        path = self._path(digest)
        try:
            private_folder(self._objects)
            private_folder(self._unfinished)
            if not self._is_whole(path):
                self._make(path, download)
                self._evict()
        except OSError as error:
            raise StoreError(
                f"artifact {digest[:12]} cannot be kept in {self._root}: {error.strerror}",
                remedy="Free disk space there, or lower SONGLINE_CACHE_GB",
                digest=digest,
            ) from error
        return path

    def drop(self, digest: str) -> None:
        """Remove the artifact from the cache."""
        if self._objects.is_dir():
            with _lock(self._root / "lock", fcntl.LOCK_EX):
                self._path(digest).unlink(missing_ok=True)

    def sweep_unfinished(self, older_than_s: float) -> int:
        """Remove the downloads of killed processes; returns the count."""
        limit = time.time() - older_than_s
        return sum(_removed(path, limit) for path in self._unfinished.glob("*"))

    def _path(self, digest: str) -> Path:
        return self._objects / digest[:2] / digest

    def _used(self, path: Path) -> bool:
        """Update the file's date; False where there is none. Evictions wait meanwhile, so it cannot disappear."""
        with _lock(self._root / "lock", fcntl.LOCK_SH):
            try:
                os.utime(path)
            except FileNotFoundError:
                return False
            return True

    def _is_whole(self, path: Path) -> bool:
        """Whether the file exists with the right bytes: this disk may have damaged them since."""
        try:
            return self._used(path) and digest_file(path) == path.name
        except FileNotFoundError:  # evicted meanwhile
            return False

    def _make(self, path: Path, download: Callable[[Path], None]) -> None:
        part = self._unfinished / path.name
        with _sole(part) as handle:
            if self._is_whole(path):  # another process has downloaded it
                part.unlink()
                return
            os.fchmod(handle, 0o600)  # a process killed before its rename left it read-only
            download(part)
            os.fchmod(handle, file_mode_in(self._unfinished) & 0o440)
            os.fsync(handle)
            private_folder(path.parent)
            os.replace(part, path)

    def _evict(self) -> None:
        with _lock(self._root / "lock", fcntl.LOCK_EX):
            entries = [(settled_date(path), path, path.stat().st_size) for path in self._objects.glob("??/*")]
            excess = sum(size for _, _, size in entries) - self._limit_bytes
            limit = time.time() - self._in_use_s
            for used_at, path, size in sorted(entries):
                if excess <= 0 or used_at > limit:
                    return
                path.unlink()
                excess -= size


@contextmanager
def _lock(path: Path, kind: int) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, kind)
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _sole(part: Path) -> Iterator[int]:
    """The file ``part``, created if missing, locked by this thread alone until the block ends or its process dies."""
    while True:
        with _lock(part, fcntl.LOCK_EX) as handle:
            # The previous owner of the lock may have renamed or removed the file: then this lock is on a stale file.
            if part.exists() and os.path.samestat(part.stat(), os.fstat(handle)):
                yield handle
                return


def _removed(part: Path, limit: float) -> bool:
    """Remove a download that is older than ``limit``, unless a living process has locked it."""
    try:
        if settled_date(part) >= limit:
            return False
        with _lock(part, fcntl.LOCK_EX | fcntl.LOCK_NB):
            part.unlink()
    except (FileNotFoundError, BlockingIOError):
        return False
    return True
