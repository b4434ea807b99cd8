"""Repairs lost bytes by planning the work that made them again, as far as a manifest requests it; or accepts their
loss.

The next render makes the same bytes where the work is reproducible bit for bit. Where it is not (a GPU, another
batch), different bytes replace them, and the lost ones count as pruned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.errors import StoreError
from catalog.plan.current_work import CurrentWork, failed_for, makers_of
from catalog.store.base import Store
from db.session import Database
from db.statements import chunked
from db.tables.album import Render, Step
from db.tables.base import database_now
from db.tables.provenance import Artifact, Loss

LOOK_S = 3.0
"""Timeout of the store in seconds while one artifact is read."""
SEVERAL = 2


@dataclass(frozen=True, slots=True)
class Damage:
    """One artifact that is missing or corrupt: the work that made it and its role, None for a file from outside."""

    digest: str
    corrupt: bool
    kind: str | None
    role: str | None
    work_key: str | None


class Look(Enum):
    """The condition of an artifact's bytes."""

    WHOLE = "whole"
    MISSING = "missing"
    CORRUPT = "corrupt"


def examine(database: Database, store: Store, digests: Sequence[str]) -> list[Damage]:
    """Read the bytes of every digest; returns those that are missing or corrupt. Raises StoreError where the store is
    unreachable."""
    with_timeout = store.with_timeout(LOOK_S)
    suspects = [digest for digest in digests if _look(store, with_timeout, digest) != Look.WHOLE]
    # A store under load may refuse for a moment to read an object that it lists, as it always does where a disk has
    # damaged it. Only an object that is refused twice, some time apart, counts as damaged, since a repair will remove
    # it.
    looks = {digest: look for digest in suspects if (look := _look(store, with_timeout, digest)) != Look.WHOLE}
    return [_damage(database, digest, corrupt=look == Look.CORRUPT) for digest, look in looks.items()]


def require_some_whole(checked: Sequence[str], damages: Sequence[Damage]) -> None:
    """Raise StoreError where none of several artifacts is whole: then the store itself is probably wrong or missing."""
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
    """The condition of one artifact, determined within seconds while the store is reachable.

    A service that detects damage itself answers as if it were busy, so it gets a short timeout; an unreachable one
    gets the timeout of the settings.
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
    """An exclusive write transaction in which an artifact was checked again: a worker may have restored its bytes
    since, and no writer that restores them can finish while the block lasts."""
    with_timeout = store.with_timeout(LOOK_S)
    with database.write(exclusive=True) as session:
        # The transaction begins with the first statement, so a row is read before the store.
        session.scalar(sa.select(Artifact.digest).where(Artifact.digest == damage.digest))
        yield session, _look(with_timeout, with_timeout, damage.digest)


def _damage(database: Database, digest: str, *, corrupt: bool) -> Damage:
    with database.read() as session:
        makers = makers_of(session, digest)
    if not makers:
        return Damage(digest, corrupt, None, None, None)
    return Damage(digest, corrupt, makers[0].kind, makers[0].role, makers[0].key)


def repair(database: Database, store: Store, damages: Sequence[Damage]) -> int:
    """Remove corrupt bytes and plan again all work that made the damaged artifacts, or that failed because they were
    missing, as far as a manifest still requests it; returns the count. Superseded work is left as it is: see
    :func:`accept`. Artifacts restored since the damage was found are left alone."""
    with database.read() as session:
        work_by_digest = _to_plan_again(session, damages)
    planned_keys: set[str] = set()
    for damage in damages:
        work = work_by_digest[damage.digest]
        with in_turn(database, store, damage) as (session, look):
            if not _is_still(damage, look):
                continue
            if look == Look.CORRUPT and (damage.kind is None or work.is_made):
                store.delete(damage.digest)
            if damage.kind == "pack" and work.is_made:
                # A page or lineage document that is packed again may have different bytes; then nothing names the
                # lost ones.
                _mark_pruned(session, damage)
            planned_keys |= _plan_again(session, work.keys)
    return len(planned_keys)


def not_made_again(database: Database, damages: Sequence[Damage]) -> list[Damage]:
    """The damages that no manifest requests any more, so that :func:`repair` does not restore them."""
    with database.read() as session:
        work_by_digest = _to_plan_again(session, damages)
    return [damage for damage in damages if not work_by_digest[damage.digest].is_made]


def _is_still(damage: Damage, condition: Look) -> bool:
    """Whether an artifact is still damaged as it was found; where it was missing and exists now, in any condition,
    another process wrote it."""
    return condition == Look.MISSING or (condition == Look.CORRUPT and damage.corrupt)


def accept(database: Database, store: Store, damages: Sequence[Damage], *, by: str) -> int:
    """Record that these bytes are lost permanently and that ``by`` accepts it; corrupt bytes are removed. Work that a
    manifest still requests is planned again; returns its count. Artifacts restored since are left alone."""
    planned_count = repair(database, store, damages)
    for damage in damages:
        with in_turn(database, store, damage) as (session, look):
            if not _is_still(damage, look):
                continue
            if look == Look.CORRUPT:
                store.delete(damage.digest)
            _mark_pruned(session, damage)
            session.add(Loss(artifact_digest=damage.digest, found=condition_of(damage), accepted_by=by))
    return planned_count


def _mark_pruned(session: Session, damage: Damage) -> None:
    session.execute(sa.update(Artifact).where(Artifact.digest == damage.digest).values(pruned_at=database_now()))


def accepted_losses(database: Database) -> frozenset[str]:
    """Digests of the artifacts whose loss was accepted and whose bytes were not restored since."""
    with database.read() as session:
        query = sa.select(Loss.artifact_digest).join(Artifact, Artifact.digest == Loss.artifact_digest)
        return frozenset(session.scalars(query.where(Artifact.pruned_at.is_not(None))))


def condition_of(damage: Damage) -> str:
    """The condition that was found, in one word."""
    return "corrupt" if damage.corrupt else "missing"


@dataclass(frozen=True, slots=True)
class _Again:
    """Keys of the work to plan again for one lost artifact, and whether that work makes the artifact."""

    keys: frozenset[str]
    is_made: bool


def _to_plan_again(session: Session, damages: Sequence[Damage]) -> dict[str, _Again]:
    requests = CurrentWork(session)
    lost_digests = {damage.digest for damage in damages}
    failed_work = failed_for(session, lost_digests)
    work_by_digest = {}
    for digest in sorted(lost_digests):
        blocked_keys = [
            work.key for work in failed_work.get(digest, ()) if requests.is_of_a_manifest(work.kind, work.key)
        ]
        makers = requests.makers(digest)
        if blocked_keys and not makers:  # failed work needs it, although nothing has been made from it yet
            makers = [maker for maker in makers_of(session, digest) if requests.is_of_a_manifest(maker.kind, maker.key)]
        work_by_digest[digest] = _Again(frozenset([*blocked_keys, *(maker.key for maker in makers)]), bool(makers))
    return work_by_digest


def _plan_again(session: Session, keys: frozenset[str]) -> set[str]:
    planned_keys: set[str] = set()
    for table in (Render, Step):
        for batch in chunked(sorted(keys)):
            statement = sa.update(table).where(table.key.in_(batch))
            statement = statement.values(state="planned", attempts=0, due_at=0.0, activity_id=None)
            planned_keys.update(session.scalars(statement.returning(table.key)))
    return planned_keys
