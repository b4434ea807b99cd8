"""Opening a file that somebody else named, or that lies in a folder that others may write to: a regular file or none.

A pipe (FIFO) in the place of a file would keep whoever opens it waiting for ever, and a device may never end.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

KINDS = (
    (stat.S_ISFIFO, "a pipe (FIFO)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a folder"),
)


class NotRegular(OSError):
    """Something else than a regular file stands at a path; ``kind`` says what, as for "a pipe (FIFO)"."""

    def __init__(self, path: Path, kind: str) -> None:
        super().__init__(errno.EINVAL, f"it is {kind}, no regular file", str(path))
        self.kind = kind


def kind_of(mode: int) -> str:
    """What a file of this mode is, where it is not a regular one; "" for a regular file."""
    if stat.S_ISREG(mode):
        return ""
    return next((words for is_kind, words in KINDS if is_kind(mode)), "something else")


def facts_of(path: Path) -> os.stat_result | None:
    """What the system knows of the file at ``path``; None where there is none, as of SQLite's log and index once the
    last connection of another process is closed."""
    try:
        return path.stat()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return None
        raise


def open_regular(path: Path) -> BinaryIO:
    """The file at ``path`` for reading; never waits. Raises NotRegular, or another OSError."""
    return os.fdopen(_opened(path, os.O_RDONLY), "rb")


def open_lock_file(path: Path) -> BinaryIO:
    """The file at ``path`` for locking; its bytes stay as they are. Raises NotRegular, or another OSError."""
    return os.fdopen(_opened(path, os.O_WRONLY | os.O_APPEND), "ab")


def read_regular(path: Path, *, max_bytes: int) -> bytes:
    """The bytes of the file at ``path``. Raises NotRegular, or another OSError, also where it has more than
    ``max_bytes``."""
    with open_regular(path) as file:
        is_larger = os.fstat(file.fileno()).st_size > max_bytes
        data = b"" if is_larger else file.read(max_bytes + 1)
    if is_larger or len(data) > max_bytes:
        raise OSError(errno.EFBIG, f"it has more than {max_bytes} bytes", str(path))
    return data


def _opened(path: Path, flags: int) -> int:
    try:
        handle = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a pipe that nobody reads, or a socket
            raise NotRegular(path, kind_of(path.stat().st_mode)) from error
        raise
    mode = os.fstat(handle).st_mode
    if kind := kind_of(mode):
        os.close(handle)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        raise NotRegular(path, kind)
    os.set_blocking(handle, True)
    return handle
