"""The ledger of work: declares, leases, commits and fails it. Every change of state is compare-and-set in SQL."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from catalog.common.errors import LeaseLost, SonglineError, error_document
from catalog.common.settings import Settings
from catalog.ledger import states
from catalog.ledger.commits import FinishedWork, clash, commit_batch, held_row, lease_lost, require_in_time
from catalog.ledger.recording import Attempt, record_activities
from catalog.ledger.work import ExecutionEnvironment, Lease, StepOutcome, StepRequest, WorkKind, WorkStatus
from catalog.recipe import Recipe
from catalog.store.base import Store
from catalog.store.gc import NAMED_WITHIN_S
from db.bounds import LONGEST_WAIT_S
from db.in_values import in_values
from db.session import Database, DatabaseError
from db.statements import insert_missing
from db.tables.album import Render, Step
from db.tables.base import database_now

T = TypeVar("T")
MOST_DOUBLINGS = 40


class Ledger:
    """The work in the catalog, for one lease owner. No transaction is held while work runs."""

    def __init__(
        self, database: Database, store: Store, *, owner: str, owners_folder: Path, settings: Settings
    ) -> None:
        self._database = database
        self._store = store
        self._owner = owner
        self._owners_folder = owners_folder
        self._settings = settings

    def declare_renders(self, recipes: Sequence[Recipe]) -> None:
        """Insert the render rows that are missing for the recipes; of an album planned again, all are there."""
        recipes_by_key = {recipe.digest: recipe for recipe in recipes}
        with self._database.read() as session:
            known_keys = set(session.scalars(sa.select(Render.key).where(in_values(Render.key, list(recipes_by_key)))))
        rows = [
            {"key": key, "engine": recipe.engine, "seed": recipe.seed, "recipe": recipe.document()}
            for key, recipe in sorted(recipes_by_key.items())
            if key not in known_keys
        ]
        if rows:
            self._database.transact(lambda session: insert_missing(session, Render, rows))

    def declare_steps(self, requests: Sequence[StepRequest]) -> None:
        """Insert the step rows that are missing for the requests, which are few and mostly new."""
        requests_by_key = {request.key: request for request in requests}
        rows = [
            {
                "key": key,
                "kind": request.kind,
                "revision": request.revision,
                "parameters": dict(request.parameters),
                "inputs": dict(request.inputs),
            }
            for key, request in sorted(requests_by_key.items())
        ]
        if rows:
            self._database.transact(lambda session: insert_missing(session, Step, rows))

    def statuses(self, work: WorkKind, keys: Sequence[str]) -> dict[str, WorkStatus]:
        """The status of each known key; unknown keys are omitted."""
        return states.statuses(self._database, work, keys)

    def claim(self, work: WorkKind, key: str) -> Lease | WorkStatus:
        """Take a lease, or return the work's status where it cannot be leased now."""
        return self.claim_many(work, [key])[key]

    def claim_many(self, work: WorkKind, keys: Sequence[str]) -> dict[str, Lease | WorkStatus]:
        """:meth:`claim` for many at once, in as few statements as for one."""
        return states.claim(
            self._database,
            work,
            keys,
            owner=self._owner,
            owners_folder=self._owners_folder,
            lease_s=self._settings.lease_s,
        )

    @contextmanager
    def keeping(self, leases: Sequence[Lease]) -> Iterator[None]:
        """Renew leases in the background for the length of the block."""
        end_event = threading.Event()

        def keep() -> None:
            while not end_event.wait(self._settings.renew_s):
                with suppress(DatabaseError):  # a busy database: the next renewal is due before the lease expires
                    states.renew(self._database, leases, self._settings.lease_s)

        keeper = threading.Thread(target=keep, name="lease-keeper", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            end_event.set()
            keeper.join()

    def store(
        self, lease: Lease, outcome: StepOutcome, *, seconds: float, execution: ExecutionEnvironment
    ) -> FinishedWork:
        """Store the products of finished work, whose files are not needed any more afterwards. Raises StoreError."""
        deadline_s = time.monotonic() + NAMED_WITHIN_S
        stored = tuple((product, self._store.put(product.path)) for product in outcome.products)
        return FinishedWork(lease, outcome, stored, seconds, execution, deadline_s)

    def commit_many(self, batch: Sequence[FinishedWork]) -> set[str]:
        """Finish stored work; see :func:`catalog.ledger.commits.commit_batch`. Returns the keys that were lost."""
        return commit_batch(self._database, self._store, batch)

    def commit(self, lease: Lease, outcome: StepOutcome, *, seconds: float, execution: ExecutionEnvironment) -> None:
        """Store the products, then finish the work and write its rows in one transaction.

        Raises LeaseLost where a higher fence was assigned meanwhile; the bytes are then garbage for the sweep.
        """
        if self.commit_many([self.store(lease, outcome, seconds=seconds, execution=execution)]):
            raise lease_lost(lease)

    def fail(self, lease: Lease, error: SonglineError, *, seconds: float, execution: ExecutionEnvironment) -> None:
        """Record a failed attempt: a transient error returns the work to planned with a due time, other errors leave
        it failed."""
        document = error_document(error)

        def write_down(session: Session) -> None:
            row = held_row(session, lease)
            record_activities(session, [Attempt(row, lease, "failed", seconds, execution, error=document)])
            row.attempts += 1
            row.owner, row.lease_until, row.error = None, None, document
            is_retried = error.transient and row.attempts < self._settings.max_attempts
            row.state = "planned" if is_retried else "failed"
            if is_retried:
                wait_s = self._backoff_s(row.attempts)
                row.due_at = session.scalar(sa.select(database_now() + wait_s)) or 0.0

        with suppress(LeaseLost):
            self._database.transact(write_down)

    def _backoff_s(self, attempts: int) -> float:
        """The wait in seconds after that many attempts: doubled each time, with jitter, and bounded."""
        doubled_s = self._settings.retry_base_s * 2.0 ** min(attempts - 1, MOST_DOUBLINGS)
        return min(doubled_s * random.uniform(0.75, 1.25), LONGEST_WAIT_S)

    def while_held(self, lease: Lease, write: Callable[[Session, Render | Step], T], *, deadline_s: float) -> T:
        """Write rows that name stored bytes, in one transaction that holds the lease; ``write`` is given its row.

        ``deadline_s`` (of ``time.monotonic``) is NAMED_WITHIN_S after the first of the bytes was stored. Raises
        LeaseLost where the lease was lost meanwhile, TransientError after the deadline and where rows clash.
        """

        def write_held(session: Session) -> T:
            row = held_row(session, lease)
            require_in_time(deadline_s)
            return write(session, row)

        try:
            return self._database.transact(write_held)
        except IntegrityError as error:
            raise clash(lease, error) from error

    def retry(self, work: WorkKind, keys: Sequence[str]) -> int:
        """Return failed work to planned and reset its attempts; returns the count."""
        return states.retry(self._database, work, keys)

    def redo(self, keys: Sequence[str]) -> int:
        """Plan finished steps again; what they made stays. Returns the count."""
        return self._database.transact(lambda session: states.redo(session, keys))
