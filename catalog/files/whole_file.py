"""Atomic writes: a file exists completely or not at all, and a killed process leaves nothing behind."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO

NO_UNNAMED_FILES = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT})
"""Error numbers of file systems and kernels without unnamed files (open(2), O_TMPFILE)."""
_NOT_OURS = frozenset({errno.ENOENT, errno.ELOOP, errno.EACCES, errno.ENXIO})
"""Error numbers for a free name, a link, another user's file, a pipe or a socket."""
_OPEN_FILES = Path("/proc/self/fd")


@contextmanager
def whole_file(path: Path, *, mode: int) -> Iterator[BinaryIO]:
    """An open file that replaces ``path``, durably and with ``mode``, where the block ends without an error.

    It has no name until then, so the system removes it when the process is killed. Where a file system has no unnamed
    files, it has a hidden name beside ``path`` and a lock; the next call for ``path`` removes stale ones. Raises
    OSError.
    """
    unnamed_handle = _unnamed(path.parent)
    part, handle = (None, unnamed_handle) if unnamed_handle is not None else _named(path)
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
    sync(path.parent)


@contextmanager
def written_beside(destination: Path) -> Iterator[Path]:
    """A name beside ``destination``, with its suffix, for writers that need a path. The file written there replaces
    ``destination`` where the block ends without an error, and is removed otherwise."""
    partial = destination.with_name(f".{destination.stem}.{os.getpid()}.part{destination.suffix}")
    try:
        yield partial
        os.replace(partial, destination)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes, *, mode: int) -> None:
    """Write ``data`` to ``path`` atomically; see :func:`whole_file`."""
    with whole_file(path, mode=mode) as target:
        target.write(data)


def copy_whole(source: Path, path: Path, *, mode: int) -> None:
    """Copy a file to ``path`` atomically; see :func:`whole_file`."""
    with source.open("rb") as source_file, whole_file(path, mode=mode) as target:
        shutil.copyfileobj(source_file, target, 1 << 20)


def move_whole(source: Path, path: Path, *, mode: int) -> None:
    """Move a file to ``path`` atomically, also across disks; see :func:`whole_file`."""
    source.chmod(mode)
    sync(source)
    try:
        os.replace(source, path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        copy_whole(source, path, mode=mode)
        source.unlink()
    else:
        sync(path.parent)


def sync(path: Path) -> None:
    """Sync a file or a folder to the disk. Raises OSError.

    A folder that is writable but not readable cannot be opened for that; then everything is synced.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        if not path.is_dir():
            raise
        os.sync()
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unnamed(folder: Path) -> int | None:
    """An unnamed file in ``folder``; None where the system or the file system has none, or cannot name it later."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not _OPEN_FILES.is_dir():
        return None
    try:
        return os.open(folder, flag | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno not in NO_UNNAMED_FILES or not folder.is_dir():
            raise
        return None


def _named(path: Path) -> tuple[Path, int]:
    for part in _parts(path):
        _remove_dead(part)
    numbers = count()
    while True:
        part = _part(path, next(numbers))
        with suppress(FileExistsError):
            handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX)
            if os.fstat(handle).st_nlink:  # otherwise another process removed it as stale before it was locked
                return part, handle
            os.close(handle)


def _linked(handle: int, path: Path) -> Path:
    """Give an unnamed file a hidden name: no system call links it over an existing file."""
    fcntl.flock(handle, fcntl.LOCK_EX)
    numbers = count()
    folder = os.open(_OPEN_FILES, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # as open(2) describes
    try:
        while True:
            part = _part(path, next(numbers))
            _remove_dead(part)
            with suppress(FileExistsError):
                os.link(str(handle), part, src_dir_fd=folder, follow_symlinks=True)
                return part
    finally:
        os.close(folder)


def _parts(path: Path) -> list[Path]:
    """The hidden files beside ``path`` that follow Songline's naming; none where the folder cannot be listed."""
    pattern = re.compile(re.escape(f".{path.name}.part-") + r"(?:0|[1-9][0-9]*)")
    try:
        return [part for part in path.parent.iterdir() if pattern.fullmatch(part.name)]
    except PermissionError:
        return []


def _remove_dead(part: Path) -> None:
    """Remove a hidden file that a killed process left. Raises OSError."""
    try:
        handle = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _NOT_OURS:
            return
        raise
    try:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            with suppress(FileNotFoundError, BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                part.unlink()
    finally:
        os.close(handle)


def _part(path: Path, number: int) -> Path:
    return path.with_name(f".{path.name}.part-{number}")
