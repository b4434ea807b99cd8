"""Commits finished work: all rows of a batch in one transaction, each piece of work whole or not at all.

The number of statements does not depend on the size of the batch, but for decisions and releases.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from catalog.common.errors import LeaseLost, StoreError, TransientError
from catalog.ledger.checkpoints import TRAINING, remove_checkpoints
from catalog.ledger.recording import (
    Attempt,
    add_decision,
    add_release,
    artifact_row,
    record_activities,
    record_artifacts,
    record_links,
    record_pruned,
    record_scores,
    replaced_by,
)
from catalog.ledger.states import TABLES
from catalog.ledger.work import (
    DecisionRecord,
    ExecutionEnvironment,
    Lease,
    Product,
    ReleaseRecord,
    ScoreRecord,
    StepOutcome,
)
from catalog.store.base import Store, Stored
from catalog.store.gc import keep_artifacts
from db.in_values import in_values
from db.session import Database
from db.tables.album import Render, Step
from db.tables.provenance import Artifact


@dataclass(frozen=True, slots=True)
class FinishedWork:
    """Work that is done, with its products in the store; ``deadline_s`` (of ``time.monotonic``) is NAMED_WITHIN_S
    after the first of them was stored."""

    lease: Lease
    outcome: StepOutcome
    stored: tuple[tuple[Product, Stored], ...]
    seconds: float
    execution: ExecutionEnvironment
    deadline_s: float

    @property
    def digests(self) -> dict[str, str]:
        """The products' digests by role."""
        return {product.role: artifact.digest for product, artifact in self.stored}


def commit_batch(database: Database, store: Store, batch: Sequence[FinishedWork]) -> set[str]:
    """Finish each piece of work that is still leased and write its rows, in one transaction, which never waits for
    the store: :mod:`catalog.store.gc` explains why the bytes still exist when it ends.

    Returns the keys of the work whose lease was lost meanwhile; its bytes are garbage for the sweep. Raises
    TransientError where rows clash with others, or where the deadline of one has passed; nothing is written then.
    """
    keep_artifacts(database, store, sorted({digest for work in batch for digest in work.digests.values()}))
    gone_digests = _gone(database, store, batch)
    try:
        lost_keys = database.transact(lambda session: _write(session, batch, gone_digests))
    except IntegrityError as error:
        raise clash(batch[0].lease, error) from error
    _unprune_found(database, store, [digest for digests in gone_digests.values() for digest in digests])
    return lost_keys


def clash(lease: Lease, error: IntegrityError) -> TransientError:
    """The error of rows that clash with others."""
    return TransientError(
        f"the rows of {lease.work} {lease.key[:12]} clash with others: {error.orig}",
        remedy="It will be tried again",
        key=lease.key,
    )


def require_in_time(deadline_s: float) -> None:
    """Raise TransientError after ``deadline_s`` of ``time.monotonic``."""
    if time.monotonic() > deadline_s:
        raise TransientError("the row of stored bytes was not written in time", remedy="It will be tried again")


def held_rows(session: Session, leases: Iterable[Lease]) -> dict[str, Render | Step]:
    """The rows of those leases that this process still owns, by key; no other owner takes one over until the
    transaction ends."""
    found: dict[str, Render | Step] = {}
    for work, table in TABLES.items():
        fences = {lease.key: lease.fence for lease in leases if lease.work == work}
        if fences:
            query = sa.select(table).where(in_values(table.key, list(fences))).order_by(table.key)
            rows: Sequence[Render | Step] = session.scalars(query.with_for_update(key_share=True)).all()  # type: ignore[assignment]
            found |= {row.key: row for row in rows if row.fence == fences[row.key] and row.state == "leased"}
    return found


def held_row(session: Session, lease: Lease) -> Render | Step:
    """The row of one lease; see :func:`held_rows`. Raises LeaseLost."""
    row = held_rows(session, [lease]).get(lease.key)
    if row is None:
        raise lease_lost(lease)
    return row


def lease_lost(lease: Lease) -> LeaseLost:
    """The error of work that another process took over."""
    return LeaseLost(f"the lease on {lease.work} {lease.key[:12]} was lost", key=lease.key)


def _gone(database: Database, store: Store, batch: Sequence[FinishedWork]) -> dict[str, list[str]]:
    """Earlier products of each piece of work that it did not make this time and whose bytes are gone. Only the lease
    owner can add to its products, so the result holds until the commit, or the commit fails."""
    made = {work.lease.key: set(work.digests.values()) for work in batch if work.lease.fence > 1}
    if not made:  # leased for the first time: nothing was made earlier
        return {}
    with database.read() as session:
        replaced_digests = replaced_by(session, made)
    return {
        key: [digest for digest in sorted(digests) if store.stat(digest) is None]
        for key, digests in replaced_digests.items()
    }


def _unprune_found(database: Database, store: Store, digests: Sequence[str]) -> None:
    """Unmark artifacts as pruned where other work, which makes the same bytes, stored them between the check and the
    commit.

    Work that commits after this unmarks them itself.
    """
    with suppress(StoreError):  # unknown, so the earlier result stands
        found_digests = [digest for digest in digests if store.stat(digest) is not None]
        if found_digests:
            statement = sa.update(Artifact).where(Artifact.digest.in_(found_digests)).values(pruned_at=None)
            database.transact(lambda session: session.execute(statement))


def _write(session: Session, batch: Sequence[FinishedWork], gone_digests: Mapping[str, Sequence[str]]) -> set[str]:
    """Write the rows of the work that is still leased; returns the keys of the rest."""
    rows = held_rows(session, [work.lease for work in batch])
    held = sorted((work for work in batch if work.lease.key in rows), key=lambda work: work.lease.key)
    for work in held:
        require_in_time(work.deadline_s)
    if held:
        _write_rows(session, held, rows)
        pruned_digests = [digest for work in held for digest in gone_digests.get(work.lease.key, ())]
        if pruned_digests:
            record_pruned(session, pruned_digests)
    return {work.lease.key for work in batch} - rows.keys()


def _write_rows(session: Session, held: Sequence[FinishedWork], rows: Mapping[str, Render | Step]) -> None:
    attempts = [
        Attempt(rows[work.lease.key], work.lease, "done", work.seconds, work.execution, made=work.outcome)
        for work in held
    ]
    ids = dict(zip((work.lease.key for work in held), record_activities(session, attempts), strict=True))
    stored = [(ids[work.lease.key], product, artifact) for work in held for product, artifact in work.stored]
    record_artifacts(
        session,
        [
            artifact_row(artifact, media_type=product.media_type, sample_digest=product.sample_digest)
            for _, product, artifact in stored
        ],
    )
    record_links(session, [(id_, "made", product.role, artifact.digest) for id_, product, artifact in stored])
    _write_records(session, held, ids)
    for work in held:
        _finish(rows[work.lease.key], work, ids[work.lease.key])
    session.flush()
    for row in rows.values():
        if isinstance(row, Step) and row.kind == TRAINING:
            remove_checkpoints(session, row.key)


def _write_records(session: Session, held: Sequence[FinishedWork], ids: Mapping[str, str]) -> None:
    scores: list[tuple[str, str, ScoreRecord]] = []
    for work in held:
        key = work.lease.key
        for record in work.outcome.records:
            match record:
                case ScoreRecord():
                    scores.append((key, ids[key], record))
                case DecisionRecord():
                    add_decision(session, record, step_key=key, activity_id=ids[key])
                case ReleaseRecord():
                    add_release(session, record, step_key=key, activity_id=ids[key], products=work.digests)
    record_scores(session, scores)


def _finish(row: Render | Step, work: FinishedWork, activity_id: str) -> None:
    row.state, row.owner, row.lease_until, row.error = row.finished_state, None, None, None
    row.activity_id = activity_id
    if isinstance(row, Render):
        row.audio_digest = work.digests["audio"]
    else:
        row.result = dict(work.outcome.result)
