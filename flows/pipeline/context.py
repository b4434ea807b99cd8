"""What the flows of this process share while an album is made: the house, the workers, and the progress."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from catalog.catalog import House
from catalog.plan.plan import PlannedAlbum
from flows.pipeline.pipeline import Produced
from flows.pipeline.progress import Progress
from tasks.worker_pool import WorkerPool


@dataclass(slots=True)
class Run:
    """One production in this process. The flow leaves ``produced`` here: only ids travel through Prefect."""

    house: House
    planned: PlannedAlbum
    pool: WorkerPool
    progress: Progress
    until: str
    produced: Produced | None = None


_current: ContextVar[Run] = ContextVar("songline_run")


@contextmanager
def running(run: Run) -> Iterator[Run]:
    """Make ``run`` the current one for the block."""
    token = _current.set(run)
    try:
        yield run
    finally:
        _current.reset(token)
        run.pool.close()


def current() -> Run:
    """The production this process is in. Raises LookupError outside of one."""
    return _current.get()
