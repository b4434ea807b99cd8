"""Locks between the processes of one machine, which the system drops with the process that holds them."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from db.files.private_file import make_private
from db.files.regular_file import open_lock_file


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Keep other processes of this machine out for the length of the block. Raises OSError, also for a pipe there."""
    make_private(path)
    with open_lock_file(path) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
