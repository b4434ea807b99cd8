"""Polls the catalog for a monitor: opens it when it is available, and queries it no more often than necessary."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import sqlalchemy.exc

from catalog.common.redaction import redacted
from catalog.common.settings import Settings
from catalog.monitoring.figures import (
    PipelineFigures,
    RenderFigures,
    StoredFigures,
    database_clock,
    pipeline_figures,
    render_figures,
    stored_figures,
)
from db.postgres import ServerLimits
from db.session import (
    Database,
    DatabaseError,
    DatabaseUnusable,
    NetworkFileSystem,
    SchemaTooNew,
    open_database,
)

FRESH_S = 10.0
KEPT_S = 120.0
STATEMENT_S = 20.0
LONGEST_S = 3 * 3600.0
"""Longer than any attempt at a render; leases expire much earlier."""

ERRORS = (
    DatabaseError,
    DatabaseUnusable,
    NetworkFileSystem,
    SchemaTooNew,
    sqlalchemy.exc.DatabaseError,
    OSError,
)

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class MetricsSnapshot:
    """The figures of one poll."""

    line: PipelineFigures
    stored: StoredFigures
    renders: RenderFigures


class _Aged(Generic[Value]):
    """A value that is computed again when it is older than ``max_age_s``."""

    def __init__(self, read_value: Callable[[], Value], max_age_s: float) -> None:
        self._look = read_value
        self._max_age_s = max_age_s
        self._found: tuple[float, Value] | None = None

    def get(self) -> Value:
        if self._found is None or time.monotonic() - self._found[0] > self._max_age_s:
            self._found = (time.monotonic(), self._look())
        return self._found[1]


class MetricsPoller:
    """Figures of one catalog, for several threads. Needs neither the store nor its credentials."""

    def __init__(self, settings: Settings, *, fresh_s: float = FRESH_S, kept_s: float = KEPT_S) -> None:
        self._settings = settings
        self._kept_s = kept_s
        self._turn = threading.Lock()
        self._database: Database | None = None
        self._seen: _Aged[MetricsSnapshot | None] = _Aged(self._look_safely, fresh_s)
        self.trouble: str | None = None

    def see(self) -> MetricsSnapshot | None:
        """The figures, at most some seconds old; None while the catalog cannot be read, with the reason in
        ``trouble``."""
        with self._turn:
            return self._seen.get()

    def close(self) -> None:
        """Close the connections."""
        with self._turn:
            if self._database:
                self._database.close()
            self._database = None

    def _look_safely(self) -> MetricsSnapshot | None:
        try:
            snapshot = self._look()
        except ERRORS as error:
            self.trouble = redacted(getattr(error, "what", None) or str(error).splitlines()[0])
            return None
        self.trouble = None
        return snapshot

    def _look(self) -> MetricsSnapshot:
        if self._database is None:
            self._database = self._opened()
            self._kept = _Aged(lambda: stored_figures(self._reached), self._kept_s)
            self._past, self._counted_to = RenderFigures(), 0.0
        return MetricsSnapshot(pipeline_figures(self._database), self._kept.get(), self._renders(self._database))

    @property
    def _reached(self) -> Database:
        if self._database is None:
            raise DatabaseError("the catalog was closed")
        return self._database

    def _renders(self, database: Database) -> RenderFigures:
        """Renders that began long ago are counted once; recent ones are queried each time, since a render is recorded
        at its end with the time of its start."""
        settled_at = database_clock(database) - LONGEST_S
        # Where the clock was set back, renders that begin now would count as past.
        if settled_at < self._counted_to - LONGEST_S:
            self._past, self._counted_to = RenderFigures(), 0.0
        if settled_at > self._counted_to + (LONGEST_S if self._counted_to else 0.0):
            self._past += render_figures(database, since=self._counted_to, before=settled_at)
            self._counted_to = settled_at
        return (self._past + render_figures(database, since=self._counted_to, before=float("inf"))).bounded()

    def _opened(self) -> Database:
        """The catalog, opened without waiting: a monitor polls again soon, and must report that it is unreachable."""
        place = self._settings.catalog_place
        if isinstance(place, Path) and not place.is_file():
            # Monitoring only reads, so it creates no catalog.
            raise DatabaseUnusable(f"there is no catalog in {self._settings.home} yet", "Render an album first")
        return open_database(
            place,
            ServerLimits(pool_size=1, statement_timeout_s=STATEMENT_S, lock_timeout_s=1.0, patience_s=0.0),
        )
