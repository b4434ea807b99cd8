"""Swap two folders in one step of the file system, where it supports that."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # linux/fs.h
_RENAME_SWAP = 2  # macOS, sys/stdio.h
_NOT_OFFERED = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})


def atomic_swap(first: Path, second: Path) -> bool:
    """Swap two folders of one file system atomically; False where the system or the file system cannot.

    Raises OSError for all other failures, for example when one of them is gone.
    """
    if sys.platform == "linux":
        return _called("renameat2", _AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE)
    if sys.platform == "darwin":
        return _called("renamex_np", os.fsencode(first), os.fsencode(second), _RENAME_SWAP)
    return False


def _called(name: str, *arguments: int | bytes) -> bool:
    function = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if function is None:
        return False
    if function(*arguments) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NOT_OFFERED:
        return False
    raise OSError(number, os.strerror(number))
