"""Commits finished work in batches: what is finished within a moment shares one transaction."""

from __future__ import annotations

import time
from collections.abc import Sequence

from catalog.catalog import Catalog
from catalog.common.errors import SonglineError
from catalog.ledger.commits import FinishedWork
from tasks.steps.errors import as_songline_error

LONGEST_S = 0.5
"""How long finished work waits for other work to be committed with."""
MOST = 64


class CommitBuffer:
    """Collects stored work of one kind and commits it; not safe for several threads.

    Work whose lease was lost is left to its new owner. Where a batch cannot be committed, each piece of work is
    committed or failed by itself, so that one cannot sink the others.
    """

    def __init__(self, catalog: Catalog, activity: str) -> None:
        """``activity`` names the work in errors."""
        self._catalog = catalog
        self._activity = activity
        self._pending: list[FinishedWork] = []
        self._oldest_s = 0.0

    def add(self, work: FinishedWork) -> None:
        """Commit ``work`` soon: with the call that comes :data:`LONGEST_S` after the first of the batch, or at the
        next :meth:`flush`."""
        if not self._pending:
            self._oldest_s = time.monotonic()
        self._pending.append(work)
        if len(self._pending) >= MOST or time.monotonic() - self._oldest_s >= LONGEST_S:
            self.flush()

    def flush(self) -> None:
        """Commit all that waits."""
        batch, self._pending = self._pending, []
        if batch:
            self._commit(batch)

    def _commit(self, batch: Sequence[FinishedWork]) -> None:
        try:
            self._catalog.ledger.commit_many(batch)
        except Exception as exception:
            # A full disk, a busy database or a row that cannot be written: recorded with the work that it concerns.
            if len(batch) > 1:
                for work in batch:
                    self._commit([work])
            else:
                self._fail(batch[0], as_songline_error(exception, activity=self._activity))

    def _fail(self, work: FinishedWork, error: SonglineError) -> None:
        self._catalog.ledger.fail(work.lease, error, seconds=work.seconds, execution=work.execution)
