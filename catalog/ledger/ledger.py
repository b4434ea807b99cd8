"""The ledger of work: declares, leases, commits and fails it. Every change of state is compare-and-set in SQL."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from catalog.common.errors import LeaseLost, SonglineError, StoreError, TransientError, error_document
from catalog.common.settings import Settings
from catalog.files import owners
from catalog.ledger.checkpoints import remove_checkpoints
from catalog.ledger.recording import record_activity, record_outcome, record_pruned, replaced_by
from catalog.ledger.work import ExecutionEnvironment, Lease, Product, StepOutcome, StepRequest, WorkKind, WorkStatus
from catalog.recipe import Recipe
from catalog.store.base import Store, Stored
from catalog.store.gc import NAMED_WITHIN_S, keep_artifacts
from db.bounds import LONGEST_WAIT_S
from db.in_values import in_values
from db.session import Database, DatabaseError
from db.statements import ROW_LOCK, insert_missing
from db.tables.album import Render, Step
from db.tables.base import database_now
from db.tables.provenance import Artifact

TABLES: Mapping[WorkKind, type[Render] | type[Step]] = {"render": Render, "step": Step}
T = TypeVar("T")
POLL_S = 0.5
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
        """Insert the render rows that are missing for the recipes."""
        rows = {recipe.digest: recipe for recipe in recipes}
        self._declare(
            Render,
            [
                {"key": key, "engine": recipe.engine, "seed": recipe.seed, "recipe": recipe.document()}
                for key, recipe in rows.items()
            ],
        )

    def declare_steps(self, requests: Sequence[StepRequest]) -> None:
        """Insert the step rows that are missing for the requests."""
        rows = {request.key: request for request in requests}
        self._declare(
            Step,
            [
                {
                    "key": key,
                    "kind": request.kind,
                    "revision": request.revision,
                    "parameters": dict(request.parameters),
                    "inputs": dict(request.inputs),
                }
                for key, request in rows.items()
            ],
        )

    def _declare(self, table: type[Render] | type[Step], rows: list[dict[str, Any]]) -> None:
        known_keys: set[str] = set()
        with self._database.read() as session:
            known_keys.update(
                session.scalars(sa.select(table.key).where(in_values(table.key, [row["key"] for row in rows])))
            )
        missing_rows = sorted((row for row in rows if row["key"] not in known_keys), key=lambda row: str(row["key"]))
        if missing_rows:
            self._database.transact(lambda session: insert_missing(session, table, missing_rows))

    def statuses(self, work: WorkKind, keys: Sequence[str]) -> dict[str, WorkStatus]:
        """The status of each known key; unknown keys are omitted."""
        table = TABLES[work]
        columns = (table.key, table.state, table.due_at, table.error, table.owner, database_now().label("now"))
        with self._database.read() as session:
            rows = session.execute(sa.select(*columns).where(in_values(table.key, keys))).all()
        return {row.key: WorkStatus(row.state, _wait_s(row.due_at - row.now), row.error, row.owner) for row in rows}

    def claim(self, work: WorkKind, key: str) -> Lease | WorkStatus:
        """Take a lease, or return the work's status where it cannot be leased now."""
        table = TABLES[work]
        status = self.statuses(work, [key])[key]
        is_free = sa.or_(table.state == "planned", table.has_run_out())
        if status.state == "leased" and status.owner and owners.is_dead(self._owners_folder, status.owner):
            is_free = sa.or_(is_free, sa.and_(table.state == "leased", table.owner == status.owner))
        elif status.finished or status.state == "failed":
            return status
        statement = (
            sa.update(table)
            .where(table.key == key, table.is_due(), is_free)
            .values(
                state="leased",
                owner=self._owner,
                lease_until=database_now() + self._settings.lease_s,
                fence=table.fence + 1,
            )
            .returning(table.fence, table.attempts)
        )
        row = self._database.transact(lambda session: session.execute(statement).first())
        if row is None:
            current_status = self.statuses(work, [key])[key]
            return WorkStatus(
                current_status.state, max(current_status.wait_s, POLL_S), current_status.error, current_status.owner
            )
        return Lease(work, key, row.fence, row.attempts + 1)

    @contextmanager
    def keeping(self, leases: Sequence[Lease]) -> Iterator[None]:
        """Renew leases in the background for the length of the block."""
        end_event = threading.Event()

        def keep() -> None:
            while not end_event.wait(self._settings.renew_s):
                with suppress(DatabaseError):  # a busy database: the next renewal is due before the lease expires
                    self._database.transact(lambda session: self._renew(session, leases))

        keeper = threading.Thread(target=keep, name="lease-keeper", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            end_event.set()
            keeper.join()

    def _renew(self, session: Session, leases: Sequence[Lease]) -> None:
        for lease in sorted(leases, key=lambda lease: lease.key):
            table = TABLES[lease.work]
            session.execute(
                sa.update(table)
                .where(table.key == lease.key, table.fence == lease.fence, table.state == "leased")
                .values(lease_until=database_now() + self._settings.lease_s)
            )

    def commit(self, lease: Lease, outcome: StepOutcome, *, seconds: float, execution: ExecutionEnvironment) -> None:
        """Store the products, then finish the work and write its rows in one transaction, which never waits for the
        store: :mod:`catalog.store.gc` explains why the bytes still exist when it ends.

        Raises LeaseLost where a higher fence was assigned meanwhile; the bytes are then garbage for the sweep.
        """
        deadline_s = time.monotonic() + NAMED_WITHIN_S
        stored_products = [(product, self._store.put(product.path)) for product in outcome.products]
        keep_artifacts(self._database, self._store, [artifact.digest for _, artifact in stored_products])
        lost_digests = self._lost(lease, {product.role: artifact.digest for product, artifact in stored_products})

        def write_down(session: Session, row: Render | Step) -> None:
            self._write_down(session, row, lease, outcome, stored_products, seconds=seconds, execution=execution)
            record_pruned(session, lost_digests)

        self.while_held(lease, write_down, deadline_s=deadline_s)
        self._unprune_found(lost_digests)

    def _lost(self, lease: Lease, products: Mapping[str, str]) -> list[str]:
        """Earlier products of this work that it did not make this time and whose bytes are gone. Only the lease owner
        can add to its products, so the result holds until the commit, or the commit fails."""
        with self._database.read() as session:
            row: Render | Step = session.get_one(TABLES[lease.work], lease.key)  # type: ignore[assignment]
            replaced_digests = replaced_by(session, row, products)
        return [digest for digest in replaced_digests if self._store.stat(digest) is None]

    def _unprune_found(self, digests: Sequence[str]) -> None:
        """Unmark artifacts as pruned where other work, which makes the same bytes, stored them between the check and
        the commit.

        Work that commits after this unmarks them itself.
        """
        with suppress(StoreError):  # unknown, so the earlier result stands
            found_digests = [digest for digest in digests if self._store.stat(digest) is not None]
            if found_digests:
                statement = sa.update(Artifact).where(Artifact.digest.in_(found_digests)).values(pruned_at=None)
                self._database.transact(lambda session: session.execute(statement))

    def _write_down(
        self,
        session: Session,
        row: Render | Step,
        lease: Lease,
        outcome: StepOutcome,
        stored: Sequence[tuple[Product, Stored]],
        *,
        seconds: float,
        execution: ExecutionEnvironment,
    ) -> None:
        activity = record_activity(
            session, row, lease=lease, outcome="done", seconds=seconds, execution=execution, products=outcome
        )
        digests = record_outcome(session, row, activity=activity, outcome=outcome, stored=stored)
        row.state, row.owner, row.lease_until, row.error = row.finished_state, None, None, None
        row.activity_id = activity.id
        if isinstance(row, Render):
            row.audio_digest = digests["audio"]
        else:
            row.result = dict(outcome.result)
            remove_checkpoints(session, row.key)

    def fail(self, lease: Lease, error: SonglineError, *, seconds: float, execution: ExecutionEnvironment) -> None:
        """Record a failed attempt: a transient error returns the work to planned with a due time, other errors leave
        it failed."""
        document = error_document(error)

        def write_down(session: Session) -> None:
            row = self._held(session, lease)
            record_activity(
                session,
                row,
                lease=lease,
                outcome="failed",
                seconds=seconds,
                execution=execution,
                error=document,
            )
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
            row = self._held(session, lease)
            if time.monotonic() > deadline_s:
                raise TransientError("the row of stored bytes was not written in time", remedy="It will be tried again")
            return write(session, row)

        try:
            return self._database.transact(write_held)
        except IntegrityError as error:
            raise TransientError(
                f"the rows of {lease.work} {lease.key[:12]} clash with others: {error.orig}",
                remedy="It will be tried again",
                key=lease.key,
            ) from error

    def retry(self, work: WorkKind, keys: Sequence[str]) -> int:
        """Return failed work to planned and reset its attempts; returns the count."""
        table = TABLES[work]
        statement = (
            sa.update(table)
            .where(table.state == "failed", in_values(table.key, keys))
            .values(state="planned", attempts=0, due_at=0.0)
            .returning(table.key)
        )
        return self._database.transact(lambda session: len(session.execute(statement).all()))

    def _held(self, session: Session, lease: Lease) -> Render | Step:
        """The row of a lease that this process still owns; no other owner takes it over until the transaction ends."""
        row: Render | Step = session.get_one(TABLES[lease.work], lease.key, with_for_update=ROW_LOCK)  # type: ignore[assignment]
        if row.fence != lease.fence or row.state != "leased":
            raise LeaseLost(f"the lease on {lease.work} {lease.key[:12]} was lost", key=lease.key)
        return row


def _wait_s(until_due_s: float) -> float:
    """Seconds until work is due; 0 where it is due already, or where the clock was set back meanwhile."""
    return until_due_s if 0 < until_due_s <= LONGEST_WAIT_S else 0.0
