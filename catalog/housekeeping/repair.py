"""Bringing lost bytes back: what made them is planned again, as far as a manifest asks for it; or accepting their loss.

The next render makes the same bytes where the work is repeatable bit for bit. Where it is not (a GPU, another batch),
other bytes take their place, and those that are lost for good count as pruned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.errors import StoreError
from catalog.plan.current_work import AskedFor, failed_for, makers_of
from catalog.store.base import Store
from db.session import Database
from db.statements import chunked
from db.tables.album import Render, Step
from db.tables.base import database_now
from db.tables.provenance import Artifact, Loss

LOOK_S = 3.0
"""Patience with the store while one artifact is read."""
SEVERAL = 2


@dataclass(frozen=True, slots=True)
class Damage:
    """One artifact that is missing or corrupt: what made it as which role, None for a file from outside."""

    digest: str
    corrupt: bool
    kind: str | None
    role: str | None
    work_key: str | None


class Look(Enum):
    """How the bytes of one artifact are found."""

    WHOLE = "whole"
    MISSING = "missing"
    CORRUPT = "corrupt"


def examine(database: Database, store: Store, digests: Sequence[str]) -> list[Damage]:
    """Read the bytes of every digest; gives those that are missing or corrupt. Raises StoreError where the store
    cannot tell because it is away."""
    with_timeout = store.with_timeout(LOOK_S)
    first = [digest for digest in digests if _look(store, with_timeout, digest) != Look.WHOLE]
    # A store under load may refuse to read for a moment what it describes, as it does for good where a disk has
    # damaged it. Only what is refused twice, some time apart, is damage: a repair will remove it.
    again = {digest: found for digest in first if (found := _look(store, with_timeout, digest)) != Look.WHOLE}
    return [_damage(database, digest, corrupt=found == Look.CORRUPT) for digest, found in again.items()]


def require_some_whole(checked: Sequence[str], damages: Sequence[Damage]) -> None:
    """Raise StoreError where nothing of several artifacts is whole: then it is the store that is not the right one,
    or not there."""
    if len(damages) < len(checked) or len(checked) < SEVERAL:
        return
    corrupt = sum(damage.corrupt for damage in damages)
    raise StoreError(
        f"of the {len(checked)} artifacts that the catalog names the store has none: "
        f"{len(checked) - corrupt} are missing, {corrupt} cannot be read",
        remedy="See that the store's disk is mounted and SONGLINE_STORE_URL is right; "
        "if all is lost, restore a backup, or plan it again with `songline verify --repair`",
    )


def _look(store: Store, with_timeout: Store, digest: str) -> Look:
    """How the store has one artifact, told within seconds while the store is there.

    A service that finds damage by itself answers as if it were busy, so it is waited for shortly; who is away is
    waited for as long as the settings say.
    """
    try:
        return _found(with_timeout, digest)
    except StoreError:
        store.stat(digest)
    return _found(with_timeout, digest)


def _found(store: Store, digest: str) -> Look:
    if store.stat(digest) is None:
        return Look.MISSING
    return Look.WHOLE if store.verify(digest) else Look.CORRUPT


@contextmanager
def in_turn(database: Database, store: Store, damage: Damage) -> Iterator[tuple[Session, Look]]:
    """A write alone in which an artifact was looked at again: a worker may have brought its bytes back since, and
    nobody brings them while the block lasts and means them to stay."""
    with_timeout = store.with_timeout(LOOK_S)
    with database.write(alone=True) as session:
        # The turn begins with the first statement, so a row is asked before the store.
        session.scalar(sa.select(Artifact.digest).where(Artifact.digest == damage.digest))
        yield session, _look(with_timeout, with_timeout, damage.digest)


def _damage(database: Database, digest: str, *, corrupt: bool) -> Damage:
    with database.read() as session:
        makers = makers_of(session, digest)
    if not makers:
        return Damage(digest, corrupt, None, None, None)
    return Damage(digest, corrupt, makers[0].kind, makers[0].role, makers[0].key)


def repair(database: Database, store: Store, damages: Sequence[Damage]) -> int:
    """Remove what is corrupt and plan again all work that made it, or that failed for want of it, as far as a manifest
    still asks for it; gives the count. What was superseded is left as it is: see :func:`accept`. What came back since
    it was found damaged is left alone."""
    with database.read() as session:
        again = _to_plan_again(session, damages)
    planned: set[str] = set()
    for damage in damages:
        work = again[damage.digest]
        with in_turn(database, store, damage) as (session, found):
            if not _is_still(damage, found):
                continue
            if found == Look.CORRUPT and (damage.kind is None or work.is_made):
                store.delete(damage.digest)
            if damage.kind == "pack" and work.is_made:
                # A page or lineage packed anew may have other bytes; the lost ones are then named by nothing any more.
                _mark_pruned(session, damage)
            planned |= _plan_again(session, work.keys)
    return len(planned)


def not_made_again(database: Database, damages: Sequence[Damage]) -> list[Damage]:
    """Those that no manifest asks for any more, so that :func:`repair` does not bring them back."""
    with database.read() as session:
        again = _to_plan_again(session, damages)
    return [damage for damage in damages if not again[damage.digest].is_made]


def _is_still(damage: Damage, found: Look) -> bool:
    """Whether it is as it was when it was found damaged; what was missing and is there now, whatever it is, came from
    somebody else."""
    return found == Look.MISSING or (found == Look.CORRUPT and damage.corrupt)


def accept(database: Database, store: Store, damages: Sequence[Damage], *, by: str) -> int:
    """Record that these bytes are lost for good, and that ``by`` accepts it; what is corrupt is removed. Work that a
    manifest still asks for is planned again; gives its count. What came back since is left alone."""
    planned = repair(database, store, damages)
    for damage in damages:
        with in_turn(database, store, damage) as (session, found):
            if not _is_still(damage, found):
                continue
            if found == Look.CORRUPT:
                store.delete(damage.digest)
            _mark_pruned(session, damage)
            session.add(Loss(artifact_digest=damage.digest, found=found_as(damage), accepted_by=by))
    return planned


def _mark_pruned(session: Session, damage: Damage) -> None:
    session.execute(sa.update(Artifact).where(Artifact.digest == damage.digest).values(pruned_at=database_now()))


def accepted_losses(database: Database) -> frozenset[str]:
    """Digests of the artifacts whose loss was accepted, and whose bytes did not come back since."""
    with database.read() as session:
        query = sa.select(Loss.artifact_digest).join(Artifact, Artifact.digest == Loss.artifact_digest)
        return frozenset(session.scalars(query.where(Artifact.pruned_at.is_not(None))))


def found_as(damage: Damage) -> str:
    """What was found, in one word."""
    return "corrupt" if damage.corrupt else "missing"


@dataclass(frozen=True, slots=True)
class _Again:
    """Keys of the work to be planned again for one lost artifact, and whether that makes it."""

    keys: frozenset[str]
    is_made: bool


def _to_plan_again(session: Session, damages: Sequence[Damage]) -> dict[str, _Again]:
    asked = AskedFor(session)
    lost = {damage.digest for damage in damages}
    waiting = failed_for(session, lost)
    again = {}
    for digest in sorted(lost):
        held_up = [work.key for work in waiting.get(digest, ()) if asked.is_of_a_manifest(work.kind, work.key)]
        makers = asked.makers(digest)
        if held_up and not makers:  # it is wanted, although nothing has been made of it yet
            makers = [maker for maker in makers_of(session, digest) if asked.is_of_a_manifest(maker.kind, maker.key)]
        again[digest] = _Again(frozenset([*held_up, *(maker.key for maker in makers)]), bool(makers))
    return again


def _plan_again(session: Session, keys: frozenset[str]) -> set[str]:
    planned: set[str] = set()
    for table in (Render, Step):
        for some in chunked(sorted(keys)):
            anew = sa.update(table).where(table.key.in_(some))
            anew = anew.values(state="planned", attempts=0, due_at=0.0, activity_id=None)
            planned.update(session.scalars(anew.returning(table.key)))
    return planned
