"""Opens a file that someone else named, or that is in a folder that others can write to, only where it is a regular
file.

Opening a pipe (FIFO) in its place would block forever, and reading a device may never end.
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
    """The path is not a regular file; ``kind`` says what it is, such as "a pipe (FIFO)"."""

    def __init__(self, path: Path, kind: str) -> None:
        super().__init__(errno.EINVAL, f"it is {kind}, no regular file", str(path))
        self.kind = kind


def kind_of(mode: int) -> str:
    """The kind of a file with this mode; "" for a regular file."""
    if stat.S_ISREG(mode):
        return ""
    return next((words for is_kind, words in KINDS if is_kind(mode)), "something else")


def stat_if_exists(path: Path) -> os.stat_result | None:
    """The system's data on the file at ``path``; None where there is none, like SQLite's log and index once the last
    connection of another process is closed."""
    try:
        return path.stat()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return None
        raise


def open_regular(path: Path) -> BinaryIO:
    """The file at ``path``, open for reading; never blocks. Raises NotRegular, or another OSError."""
    return os.fdopen(_open(path, os.O_RDONLY), "rb")


def open_lock_file(path: Path) -> BinaryIO:
    """The file at ``path``, open for locking; its bytes stay unchanged. Raises NotRegular, or another OSError."""
    return os.fdopen(_open(path, os.O_WRONLY | os.O_APPEND), "ab")


def read_regular(path: Path, *, max_bytes: int) -> bytes:
    """The bytes of the file at ``path``. Raises NotRegular, or another OSError, also where it has more than
    ``max_bytes``."""
    with open_regular(path) as file:
        is_larger = os.fstat(file.fileno()).st_size > max_bytes
        data = b"" if is_larger else file.read(max_bytes + 1)
    if is_larger or len(data) > max_bytes:
        raise OSError(errno.EFBIG, f"it has more than {max_bytes} bytes", str(path))
    return data


def _open(path: Path, flags: int) -> int:
    try:
        handle = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a pipe without a reader, or a socket
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
