"""Locks between the processes of one machine; the system drops them when the process ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from db.files.private_file import make_private
from db.files.regular_file import open_lock_file


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Exclude other processes of this machine for the length of the block. Raises OSError, also for a pipe."""
    make_private(path)
    with open_lock_file(path) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
