"""Removes bytes that no row names, without touching those that are about to get a row.

Bytes are stored before their row, so the sweep meets bytes whose row will follow. A store request can take as long as
its timeout, so a writer sends none while others wait for its rows. Three rules keep the two apart:

1. The sweep checks that bytes are old and without a row, and removes them, in one exclusive transaction per artifact.
2. A writer stores its bytes, which gives known ones a new date, and then settles: it runs a transaction, and only
   after that checks whether the bytes exist. A sweep that saw their old date has finished its transaction by then,
   and what it removed is found missing. Every later sweep sees their new date.
3. The writer names the bytes within NAMED_WITHIN_S of storing the first, or not at all, and holds a lease until then.
   While there are leases, the sweep keeps everything younger than twice that, whatever its grace period; the second
   half allows for clock differences.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.errors import RefusedError, StoreError, TransientError
from catalog.store.base import Store, Stored
from db.session import Database
from db.statements import chunked
from db.tables.album import Render, Step
from db.tables.provenance import Artifact, Loss

NAMED_WITHIN_S = 900.0
YOUNG_S = 2 * NAMED_WITHIN_S
TURN_S = 2.0
"""The store's timeout in seconds while all writers wait."""
CLOCKS_APART_S = 60.0
"""How far a store's clock may be ahead of this machine's, for bytes that may be removed at any age."""
GIVE_UP_AFTER = 5
"""Number of consecutive failed removals after which the store counts as unreachable: every further one would block
all writers."""


@dataclass(frozen=True, slots=True)
class GarbageReport:
    """The removed artifacts, or those that would be removed, and the count of half-written files; ``not_removed`` is
    garbage that the store did not remove in time, with its error in ``error``."""

    garbage: tuple[Stored, ...]
    unfinished: int
    not_removed: tuple[Stored, ...] = ()
    error: StoreError | None = None


def keep_artifacts(database: Database, store: Store, digests: Sequence[str]) -> None:
    """Check that stored bytes survived every sweep that saw them before they were stored again (rule 2).

    Raises TransientError where a sweep removed one. Their row must be written within NAMED_WITHIN_S of storing them.
    """
    if not digests:
        return
    database.transact(lambda session: session.scalar(sa.select(1)))
    if any(store.stat(digest) is None for digest in digests):
        raise TransientError("stored bytes were removed before their row was written", remedy="It will be tried again")


def collect_garbage(database: Database, store: Store, grace_s: float, *, dry_run: bool = False) -> GarbageReport:
    """Remove bytes that no row names and that were stored more than ``grace_s`` ago, and half-written files of that
    age.

    Bytes that the store does not remove in time are left for the next sweep; the sweep continues with the others.
    """
    limit = time.time() - grace_s
    old_entries = [entry for entry in store.listing() if entry.stored_at < limit]
    # Queried after the listing, so that bytes named meanwhile do not count as garbage.
    named_digests = _named(database, [entry.digest for entry in old_entries])
    garbage = tuple(entry for entry in old_entries if entry.digest not in named_digests)
    if dry_run:
        return GarbageReport(garbage, 0)
    report = _remove(database, store.with_timeout(TURN_S), garbage, limit)
    if len(report.not_removed) >= GIVE_UP_AFTER:
        return report
    with database.read() as session:
        unfinished_s = max(grace_s, YOUNG_S) if _is_leased(session) else grace_s
    return replace(report, unfinished=store.sweep_unfinished(unfinished_s))


def require_catalog_of(database: Database, store: Store) -> None:
    """Raise RefusedError where the catalog names no artifact and the store has some: all of them would be garbage,
    and it is more likely that the store belongs to another catalog."""
    with database.read() as session:
        if session.scalar(sa.select(Artifact.digest).limit(1)) is not None:
            return
    if next(iter(store.listing()), None) is not None:
        raise RefusedError(
            "the catalog names no artifact at all, and the store has some: nothing was removed",
            remedy="Run `songline restore BACKUP` if the catalog was lost, or see that SONGLINE_HOME, "
            "SONGLINE_DATABASE_URL and SONGLINE_STORE_URL belong together; if it is not needed, remove the store",
        )


def collect_these(database: Database, store: Store, digests: Sequence[str]) -> GarbageReport:
    """Remove bytes whose rows were just removed or marked as pruned, without a grace period; bytes that another
    process may be about to name again are left for ``songline gc``, as are those that the store does not remove in
    time."""
    try:
        entries = tuple(entry for digest in digests if (entry := store.stat(digest)) is not None)
    except StoreError as error:
        return GarbageReport((), 0, (), error)
    return _remove(database, store.with_timeout(TURN_S), entries, time.time() + CLOCKS_APART_S)


def _remove(database: Database, store: Store, garbage: Sequence[Stored], limit: float) -> GarbageReport:
    removed_entries: list[Stored] = []
    leftovers: list[Stored] = []
    first_error: StoreError | None = None
    failures = 0
    for number, entry in enumerate(garbage):
        if failures == GIVE_UP_AFTER:
            leftovers += garbage[number:]
            break
        try:
            if _take(database, store, entry.digest, limit):
                removed_entries.append(entry)
            failures = 0
        except StoreError as error:
            leftovers.append(entry)
            first_error = first_error or error
            failures += 1
    return GarbageReport(tuple(removed_entries), 0, tuple(leftovers), first_error)


def _take(database: Database, store: Store, digest: str, limit: float) -> bool:
    """Remove one piece of garbage, unless a writer named or stored it meanwhile (rules 1 and 3)."""
    with database.write(exclusive=True) as session:
        # The transaction begins with the first statement, so rows are queried before the store.
        if session.scalar(_naming([digest])) is not None:
            return False
        if _is_leased(session):
            limit = min(limit, time.time() - YOUNG_S)
        entry = store.stat(digest)
        if entry is None or entry.stored_at >= limit:
            return False
        store.delete(digest)
        return True


def _is_leased(session: Session) -> bool:
    """Whether any work is in progress that may be about to name its products."""
    return any(
        session.scalar(sa.select(table.key).where(table.state == "leased").limit(1)) is not None
        for table in (Render, Step)
    )


def _named(database: Database, digests: Sequence[str]) -> set[str]:
    with database.read() as session:
        queries = (_naming(batch) for batch in chunked(digests))
        return {digest for query in queries for digest in session.scalars(query)}


def _naming(digests: Sequence[str]) -> sa.Select[tuple[str]]:
    """The digests whose bytes a row needs. Bytes that were pruned with an old build are garbage where they still
    exist; bytes whose loss a user accepted may have been restored by hand, and are kept."""
    is_restored = sa.exists(sa.select(Loss.id).where(Loss.artifact_digest == Artifact.digest))
    is_wanted = sa.or_(Artifact.pruned_at.is_(None), is_restored)
    return sa.select(Artifact.digest).where(Artifact.digest.in_(digests), is_wanted)
