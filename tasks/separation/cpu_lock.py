"""One separation of the line at a time on the cores of a machine: each takes the threads of all its workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.files.permissions import private_folder
from db.files.lock import file_lock


@contextmanager
def cpu_lock(home: Path, *, device: str) -> Iterator[None]:
    """Hold the turn of the processes that share ``home``; a GPU needs none, as one process works on it.

    Every album and song in the making has a process with the models of its own. Two that separate at once would have
    twice as many threads as cores and take twice the memory, and be done no sooner. The system gives the turn on when
    a process dies.
    """
    if device != "cpu":
        yield
        return
    private_folder(home)
    with file_lock(home / "separating.lock"):
        yield
