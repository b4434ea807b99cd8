"""A lock for separation on a machine's cores: one at a time, since each uses the threads of all workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.files.permissions import private_folder
from db.files.lock import file_lock


@contextmanager
def cpu_lock(home: Path, *, device: str) -> Iterator[None]:
    """Hold the lock of the processes that share ``home``; a GPU needs none, since one process works on it.

    Every album and song in production has its own process with the models. Two separations at once would have twice as
    many threads as cores and take twice the memory, and would finish no sooner. The system releases the lock when a
    process ends.
    """
    if device != "cpu":
        yield
        return
    private_folder(home)
    with file_lock(home / "separating.lock"):
        yield
