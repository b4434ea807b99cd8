"""The artifact store in a folder: content-addressed, durable before it is visible."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from catalog.digests import CHUNK, digest_file
from catalog.errors import RefusedError, StoreError
from catalog.store.base import Stored, lost, object_name


class FolderStore:
    """``objects/ab/cd/<digest>`` under ``root``; unfinished writes lie in ``unfinished/`` until they are whole."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._objects = root / "objects"
        self._unfinished = root / "unfinished"
        try:
            self._objects.mkdir(parents=True, exist_ok=True)
            self._unfinished.mkdir(exist_ok=True)
        except OSError as error:
            raise _refused("opened", root, error) from error

    def put(self, source: Path) -> Stored:
        """See :class:`catalog.store.base.Store`."""
        digest = digest_file(source)
        if self.stat(digest) is None:
            return self._write(digest, source)
        # Known bytes get a new date: a sweep must not take them before the row that is about to name them.
        os.utime(self._path(digest))
        return Stored(digest, source.stat().st_size, time.time())

    def put_bytes(self, data: bytes) -> Stored:
        """See :class:`catalog.store.base.Store`."""
        with tempfile.NamedTemporaryFile(dir=self._unfinished) as handle:
            handle.write(data)
            handle.flush()
            return self.put(Path(handle.name))

    def fetch(self, digest: str, destination: Path) -> None:
        """See :class:`catalog.store.base.Store`."""
        source = self.local(digest)
        try:
            shutil.copyfile(source, destination)
        except OSError as error:
            raise StoreError(
                f"artifact {digest[:12]} cannot be copied to {destination}: {error.strerror}",
                remedy="Free disk space there, or choose another folder",
                digest=digest,
            ) from error
        if digest_file(destination) != digest:
            destination.unlink()
            raise lost(digest, "corrupt in the store")

    def local(self, digest: str) -> Path:
        """See :class:`catalog.store.base.Store`."""
        path = self._path(digest)
        if not path.is_file():
            raise lost(digest, "not in the store")
        return path

    def stat(self, digest: str) -> Stored | None:
        """See :class:`catalog.store.base.Store`."""
        with suppress(FileNotFoundError):
            found = self._path(digest).stat()
            return Stored(digest, found.st_size, found.st_mtime)
        return None

    def verify(self, digest: str) -> bool:
        """See :class:`catalog.store.base.Store`."""
        try:
            return digest_file(self._path(digest)) == digest
        except OSError:
            return False

    def delete(self, digest: str) -> None:
        """See :class:`catalog.store.base.Store`."""
        self._path(digest).unlink(missing_ok=True)

    def listing(self) -> Iterator[Stored]:
        """See :class:`catalog.store.base.Store`."""
        for path in sorted(self._objects.glob("??/??/*")):
            if found := self.stat(path.name):
                yield found

    def sweep_unfinished(self, older_than_s: float) -> int:
        """See :class:`catalog.store.base.Store`."""
        limit = time.time() - older_than_s
        old = [path for path in self._unfinished.iterdir() if path.stat().st_mtime < limit]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def presign(self, digest: str, expires_s: int) -> str:
        """Refuses: a path on this machine never expires, and tells others how its folders are named."""
        raise RefusedError(
            f"there is no link to artifact {digest[:12]}: the store is a folder of this machine",
            remedy="Run `songline export` to copy the release, or set SONGLINE_STORE_URL to a bucket",
            digest=digest,
        )

    def _path(self, digest: str) -> Path:
        return self._root / object_name(digest)

    def _write(self, digest: str, source: Path) -> Stored:
        path = self._path(digest)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._unfinished)
            with open(handle, "wb") as target, source.open("rb") as origin:
                shutil.copyfileobj(origin, target, CHUNK)
                _sync(target)
            if digest_file(Path(name)) != digest:
                Path(name).unlink()
                raise StoreError(f"{source.name} was damaged while it was stored", remedy="Check the disk")
            os.chmod(name, 0o444)
            os.replace(name, path)
            _sync_folder(path.parent)
        except OSError as error:
            raise _refused("written", path, error) from error
        return Stored(digest, path.stat().st_size, path.stat().st_mtime)


def _sync(handle: BinaryIO) -> None:
    handle.flush()
    os.fsync(handle.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refused(verb: str, path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the artifact store cannot be {verb} at {path}: {error.strerror}",
        remedy="Free disk space, or point SONGLINE_HOME to a folder you may write",
    )
