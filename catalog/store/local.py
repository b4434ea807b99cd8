"""The artifact store in a folder: content-addressed, durable before it is visible."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from catalog.common.digests import digest_bytes, digest_file
from catalog.common.errors import RefusedError, StoreError, remedy_of_writing
from catalog.files.permissions import file_mode_in, private_folder
from catalog.files.whole_file import sync
from catalog.store.base import Stored, is_digest, lost, object_name
from catalog.store.dates import settled_date
from db.files.regular_file import NotRegular

UNREADABLE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EIO, errno.EBADMSG})
"""Error numbers where the file is missing, another kind of file has its name, or the disk reports it as damaged."""

READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
MISPLACED = frozenset({errno.EEXIST, errno.ENOTDIR, errno.EISDIR})


class FolderStore:
    """``objects/ab/cd/<digest>`` under ``root``; unfinished writes are in ``unfinished/`` until they are complete.

    A folder in the place of one of its files, or a file in that of a folder, counts as missing; the next write there
    moves it to ``misplaced/``.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._objects = root / "objects"
        self._unfinished = root / "unfinished"
        try:
            private_folder(self._objects)
            private_folder(self._unfinished)
        except OSError as error:
            if error.errno not in READ_ONLY:  # existing artifacts can still be read; a write reports its own error
                raise _refused("opened", root, error) from error

    def with_timeout(self, patience_s: float) -> FolderStore:
        """See :class:`catalog.store.base.Store`. A folder needs no timeout."""
        return self

    def put(self, source: Path) -> Stored:
        """See :class:`catalog.store.base.Store`."""
        digest = digest_file(source)
        entry = self._renewed(digest, source.stat().st_size)
        return entry or self.adopt(digest, lambda part: shutil.copyfile(source, part))

    def put_bytes(self, data: bytes) -> Stored:
        """See :class:`catalog.store.base.Store`."""
        digest = digest_bytes(data)
        return self._renewed(digest, len(data)) or self.adopt(digest, lambda part: part.write_bytes(data))

    def adopt(self, digest: str, write: Callable[[Path], object]) -> Stored:
        """Store, durably and verified, the artifact that ``write`` writes into the file it is given; an exception of
        ``write`` propagates, and nothing is left behind."""
        path = self._path(digest)
        try:
            with self._part() as part:
                write(part)
                sync(part)
                if digest_file(part) != digest:
                    raise StoreError(
                        f"artifact {digest[:12]} was damaged while it was stored",
                        remedy="Check the disk",
                        digest=digest,
                    )
                part.chmod(file_mode_in(self._unfinished) & 0o440)
                self._clear_the_way(path)
                private_folder(path.parent)
                os.replace(part, path)
            for folder in (path.parent, path.parent.parent, self._objects):
                sync(folder)
            status = path.stat()
        except OSError as error:
            raise _refused("written", path, error) from error
        return Stored(digest, status.st_size, status.st_mtime)

    def fetch(self, digest: str, destination: Path) -> None:
        """See :class:`catalog.store.base.Store`."""
        source = self._path(digest)
        self._require_file(digest)
        try:
            shutil.copyfile(source, destination)
        except OSError as error:
            destination.unlink(missing_ok=True)
            raise StoreError(
                f"artifact {digest[:12]} cannot be copied to {destination}: {error.strerror}",
                remedy=remedy_of_writing(error, "Choose another folder"),
                digest=digest,
            ) from error
        if digest_file(destination) != digest:
            destination.unlink()
            raise lost(digest, "corrupt in the store")

    def local(self, digest: str) -> Path:
        """See :class:`catalog.store.base.Store`."""
        path = self._path(digest)
        self._require_file(digest)
        if not self.verify(digest):
            raise lost(digest, "corrupt in the store")
        return path

    def stat(self, digest: str) -> Stored | None:
        """See :class:`catalog.store.base.Store`."""
        path = self._path(digest)
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _refused("read", path, error) from error
        return Stored(digest, status.st_size, status.st_mtime) if stat.S_ISREG(status.st_mode) else None

    def verify(self, digest: str) -> bool:
        """See :class:`catalog.store.base.Store`."""
        path = self._path(digest)
        try:
            return digest_file(path) == digest
        except NotRegular:
            return False
        except OSError as error:
            if error.errno in UNREADABLE:
                return False
            raise _refused("read", path, error) from error

    def delete(self, digest: str) -> None:
        """See :class:`catalog.store.base.Store`."""
        path = self._path(digest)
        try:
            self._clear_the_way(path)
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _refused("written", path, error) from error

    def listing(self) -> Iterator[Stored]:
        """See :class:`catalog.store.base.Store`."""
        for path in sorted(self._objects.glob("??/??/*")):
            if not is_digest(path.name):
                continue
            with suppress(FileNotFoundError):  # removed meanwhile
                settled_date(path)
            if entry := self.stat(path.name):
                yield entry

    def sweep_unfinished(self, older_than_s: float) -> int:
        """See :class:`catalog.store.base.Store`."""
        limit = time.time() - older_than_s
        paths = [path for path in self._unfinished.glob("*") if path.is_file()]
        old_paths = [path for path in paths if settled_date(path) < limit]
        for path in old_paths:
            path.unlink(missing_ok=True)
        return len(old_paths)

    def presign(self, digest: str, expires_s: int, *, file_name: str = "", media_type: str = "") -> str:
        """Raises RefusedError: a local path never expires, and would reveal the names of this machine's folders."""
        raise RefusedError(
            f"there is no link to artifact {digest[:12]}: the store is a folder of this machine",
            remedy="Run `songline export` to copy the release, or set SONGLINE_STORE_URL to a bucket",
            digest=digest,
        )

    def _path(self, digest: str) -> Path:
        return self._root / object_name(digest)

    def _renewed(self, digest: str, size: int) -> Stored | None:
        """Known bytes with a new date: a sweep must not remove them before the row that will name them."""
        entry = self.stat(digest)
        if entry is None or entry.size != size:
            return None
        path = self._path(digest)
        try:
            os.utime(path)
        except (FileNotFoundError, PermissionError):  # swept since, or another group user's: written again
            return None
        except OSError as error:
            raise _refused("written", path, error) from error
        return Stored(digest, size, time.time())

    def _require_file(self, digest: str) -> None:
        path = self._path(digest)
        if path.is_dir():
            raise lost(digest, f"not in the store: {path} is a folder, not a file")
        if not path.is_file():
            raise lost(digest, "not in the store")

    def _clear_the_way(self, path: Path) -> None:
        """Move away whatever has the name of the file ``path`` or of its two folders; its contents are unknown, so
        nothing is removed."""
        for place in (path.parent.parent, path.parent):
            if place.exists() and not place.is_dir():
                self._displace(place)
        if path.is_dir():
            self._displace(path)

    def _displace(self, place: Path) -> None:
        folder = private_folder(self._root / "misplaced")
        candidates = (folder / f"{place.name}-{number}" for number in count(1))
        place.rename(next(name for name in candidates if not name.exists()))

    @contextmanager
    def _part(self) -> Iterator[Path]:
        """An empty file for a write in progress; removed afterwards unless it was moved."""
        handle, name = tempfile.mkstemp(dir=self._unfinished)
        os.close(handle)
        part = Path(name)  # created with mode 600
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)


def _refused(verb: str, path: Path, error: OSError) -> StoreError:
    place, remedy = path, remedy_of_writing(error, "Choose a folder that you may write (SONGLINE_HOME holds the store)")
    if error.errno in MISPLACED:
        place = Path(str(error.filename or path))
        remedy = f"Move {place} away: something else belongs there"
    return StoreError(f"the artifact store cannot be {verb} at {place}: {error.strerror}", remedy=remedy)
