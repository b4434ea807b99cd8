"""A file that is there whole or not at all, and of which a killed process leaves nothing behind."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO

NO_UNNAMED_FILES = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT})
"""What file systems and kernels say that have no files without a name (open(2), O_TMPFILE)."""


@contextmanager
def whole_file(path: Path, *, mode: int) -> Iterator[BinaryIO]:
    """A file to write that takes the place of ``path`` where the block ends well, durably and with ``mode``.

    It has no name until then, so that the system removes it with a killed process. Where a file system has no such
    files, it lies under a hidden name beside ``path``, locked; the next call for ``path`` removes those of the dead.
    Raises OSError.
    """
    remove_parts(path)
    unnamed = _unnamed(path.parent)
    part, handle = (None, unnamed) if unnamed is not None else _named(path)
    with open(handle, "w+b") as target:
        try:
            yield target
            target.flush()
            os.fchmod(target.fileno(), mode)
            os.fsync(target.fileno())
            part = part or _linked(target.fileno(), path)
            os.replace(part, path)
        except BaseException:
            if part is not None:
                part.unlink(missing_ok=True)
            raise
    _sync(path.parent)


def write_whole(path: Path, data: bytes, *, mode: int) -> None:
    """Put ``data`` in the place of ``path``; see :func:`whole_file`."""
    with whole_file(path, mode=mode) as target:
        target.write(data)


def copy_whole(source: Path, path: Path, *, mode: int) -> None:
    """Copy a file into the place of ``path``; see :func:`whole_file`."""
    with source.open("rb") as opened, whole_file(path, mode=mode) as target:
        shutil.copyfileobj(opened, target, 1 << 20)


def move_whole(source: Path, path: Path, *, mode: int) -> None:
    """Move a file into the place of ``path``, from another disk too; see :func:`whole_file`."""
    remove_parts(path)
    source.chmod(mode)
    _sync(source)
    try:
        os.replace(source, path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        copy_whole(source, path, mode=mode)
        source.unlink()
    else:
        _sync(path.parent)


def remove_parts(path: Path) -> None:
    """Remove the hidden files that killed processes left beside ``path``. Raises OSError."""
    for part in path.parent.iterdir():
        if part.name.startswith(_part_name(path, "")) and part.is_file() and not part.is_symlink():
            with suppress(FileNotFoundError, BlockingIOError), part.open("rb") as held:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                part.unlink()


def _unnamed(folder: Path) -> int | None:
    try:
        return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno not in NO_UNNAMED_FILES or not folder.is_dir():
            raise
        return None


def _named(path: Path) -> tuple[Path, int]:
    numbers = count()
    while True:
        part = path.with_name(_part_name(path, next(numbers)))
        with suppress(FileExistsError):
            handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX)
            return part, handle


def _linked(handle: int, path: Path) -> Path:
    """A hidden name for a file without one: no call gives it the name of a file that is there already."""
    fcntl.flock(handle, fcntl.LOCK_EX)
    numbers = count()
    folder = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # the way that open(2) names
    try:
        while True:
            part = path.with_name(_part_name(path, next(numbers)))
            with suppress(FileExistsError):
                os.link(str(handle), part, src_dir_fd=folder, follow_symlinks=True)
                return part
    finally:
        os.close(folder)


def _part_name(path: Path, number: int | str) -> str:
    return f".{path.name}.part-{number}"


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
