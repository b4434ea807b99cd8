"""The sweep of bytes that no row names, and how it keeps clear of those that are about to be named.

Bytes come before their row, so the sweep meets bytes whose row is on its way. Asking the store can take as long as its
patience, so a writer does not ask while others wait for its rows. Three rules keep the two apart:

1. The sweep sees that bytes are old and without a row, and removes them, in one turn alone, artifact by artifact.
2. A writer stores its bytes, which dates known ones anew, and then settles: it takes a turn, and only after that looks
   whether they lie there. A sweep that knew them by their old date had its turn before, and what it took is missed
   now. Every later sweep finds their new date.
3. The writer names them within NAMED_WITHIN_S of storing the first, or not at all, and holds a lease until then. For
   as long as there are leases, the sweep leaves everything younger than twice that, whatever its grace; the second
   half is for clocks that differ.
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
"""The patience with the store while all writers wait."""
CLOCKS_APART_S = 60.0
"""How far a store's clock may be ahead of ours, for bytes that may go whatever their age."""
GIVE_UP_AFTER = 5
"""Removals that fail in a row before the store counts as away: every further one would keep all writers waiting."""


@dataclass(frozen=True, slots=True)
class GarbageReport:
    """What was removed, or would be, and the count of half-written files; ``left`` is garbage that the store did not
    remove in time, with its ``trouble``."""

    garbage: tuple[Stored, ...]
    unfinished: int
    left: tuple[Stored, ...] = ()
    trouble: StoreError | None = None


def keep_artifacts(database: Database, store: Store, digests: Sequence[str]) -> None:
    """Make sure that stored bytes outlived every sweep that saw them before they were stored again (rule 2).

    Raises TransientError where one took them. Their row is to be written within NAMED_WITHIN_S of storing them.
    """
    if not digests:
        return
    database.transact(lambda session: session.scalar(sa.select(1)))
    if any(store.stat(digest) is None for digest in digests):
        raise TransientError("stored bytes were swept before their row", remedy="It will be tried again")


def collect_garbage(database: Database, store: Store, grace_s: float, *, dry_run: bool = False) -> GarbageReport:
    """Remove bytes that no row names and that came more than ``grace_s`` ago, and half-written files of that age.

    What the store does not remove in time is left for the next sweep, and the others go on.
    """
    limit = time.time() - grace_s
    old = [stored for stored in store.listing() if stored.stored_at < limit]
    # Asked after the listing, so that bytes named meanwhile are not taken for garbage.
    named = _named(database, [stored.digest for stored in old])
    garbage = tuple(stored for stored in old if stored.digest not in named)
    if dry_run:
        return GarbageReport(garbage, 0)
    swept = _remove(database, store.with_timeout(TURN_S), garbage, limit)
    if len(swept.left) >= GIVE_UP_AFTER:
        return swept
    with database.read() as session:
        unfinished_s = max(grace_s, YOUNG_S) if _is_leased(session) else grace_s
    return replace(swept, unfinished=store.sweep_unfinished(unfinished_s))


def require_catalog_of(database: Database, store: Store) -> None:
    """Raise RefusedError where the catalog names no artifact and the store has some: all of them would be garbage, and
    it is likelier that this is not their catalog."""
    with database.read() as session:
        if session.scalar(sa.select(Artifact.digest).limit(1)) is not None:
            return
    if next(iter(store.listing()), None) is not None:
        raise RefusedError(
            "the catalog names no artifact at all, and the store has some: nothing was removed",
            remedy="Run `songline restore BACKUP` if the catalog was lost, or see that SONGLINE_HOME, "
            "SONGLINE_DATABASE_URL and SONGLINE_STORE_URL belong together; if nothing is wanted, remove the store",
        )


def collect_these(database: Database, store: Store, digests: Sequence[str]) -> GarbageReport:
    """Remove bytes whose rows were just removed or marked as pruned, without a grace; those that somebody may be about
    to name again are left for ``songline gc``, and so is what the store does not remove in time."""
    try:
        there = tuple(stored for digest in digests if (stored := store.stat(digest)) is not None)
    except StoreError as error:
        return GarbageReport((), 0, (), error)
    return _remove(database, store.with_timeout(TURN_S), there, time.time() + CLOCKS_APART_S)


def _remove(database: Database, store: Store, garbage: Sequence[Stored], limit: float) -> GarbageReport:
    taken: list[Stored] = []
    left: list[Stored] = []
    trouble: StoreError | None = None
    in_a_row = 0
    for number, stored in enumerate(garbage):
        if in_a_row == GIVE_UP_AFTER:
            left += garbage[number:]
            break
        try:
            if _take(database, store, stored.digest, limit):
                taken.append(stored)
            in_a_row = 0
        except StoreError as error:
            left.append(stored)
            trouble = trouble or error
            in_a_row += 1
    return GarbageReport(tuple(taken), 0, tuple(left), trouble)


def _take(database: Database, store: Store, digest: str, limit: float) -> bool:
    """Remove one piece of garbage, unless a writer found use for it meanwhile (rules 1 and 3)."""
    with database.write(alone=True) as session:
        # The turn begins with the first statement, so rows are asked before the store.
        if session.scalar(_naming([digest])) is not None:
            return False
        if _is_leased(session):
            limit = min(limit, time.time() - YOUNG_S)
        now = store.stat(digest)
        if now is None or now.stored_at >= limit:
            return False
        store.delete(digest)
        return True


def _is_leased(session: Session) -> bool:
    """Whether any work is under way that may be about to name its products."""
    return any(
        session.scalar(sa.select(table.key).where(table.state == "leased").limit(1)) is not None
        for table in (Render, Step)
    )


def _named(database: Database, digests: Sequence[str]) -> set[str]:
    with database.read() as session:
        asked = (_naming(some) for some in chunked(digests))
        return {digest for query in asked for digest in session.scalars(query)}


def _naming(digests: Sequence[str]) -> sa.Select[tuple[str]]:
    """Those of the digests whose bytes a row wants to be there. Bytes that were pruned with an old build are garbage
    where they lie there yet; those whose loss somebody accepted may have been brought back by hand, and stay."""
    came_back = sa.exists(sa.select(Loss.id).where(Loss.artifact_digest == Artifact.digest))
    wanted = sa.or_(Artifact.pruned_at.is_(None), came_back)
    return sa.select(Artifact.digest).where(Artifact.digest.in_(digests), wanted)
