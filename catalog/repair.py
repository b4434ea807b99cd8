"""Bringing lost bytes back: what made them is planned again, as far as a manifest asks for it; or accepting their loss.

The next render makes the same bytes where the work is repeatable bit for bit. Where it is not (a GPU, another batch),
other bytes take their place, and those that are lost for good count as pruned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.asked_for import AskedFor, failed_for, makers_of
from catalog.errors import StoreError
from catalog.store.base import Store
from db.base import db_now
from db.production import Render, Step
from db.provenance import Artifact, Loss
from db.rows import pieces
from db.session import Database

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


def examine(database: Database, store: Store, digests: Sequence[str]) -> list[Damage]:
    """Read the bytes of every digest; gives those that are missing or corrupt. Raises StoreError where the store
    cannot tell because it is away."""
    hurried = store.hurried(LOOK_S)
    first = {digest: damage for digest in digests if (damage := _look(store, hurried, digest))}
    # A store under load may refuse to read for a moment what it describes, as it does for good where a disk has
    # damaged it. Only what is refused twice, some time apart, is damage: a repair will remove it.
    again = {digest: damage for digest in first if (damage := _look(store, hurried, digest))}
    return [_damage(database, digest, corrupt=damage == "corrupt") for digest, damage in again.items()]


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


def _look(store: Store, hurried: Store, digest: str) -> Literal["missing", "corrupt"] | None:
    """What is wrong with one artifact, told within seconds while the store is there.

    A service that finds damage by itself answers as if it were busy, so it is waited for shortly; who is away is
    waited for as long as the settings say.
    """
    try:
        return _wrong(hurried, digest)
    except StoreError:
        store.stat(digest)
    return _wrong(hurried, digest)


def _wrong(store: Store, digest: str) -> Literal["missing", "corrupt"] | None:
    if store.stat(digest) is None:
        return "missing"
    return None if store.verify(digest) else "corrupt"


def _damage(database: Database, digest: str, *, corrupt: bool) -> Damage:
    with database.read() as session:
        makers = makers_of(session, digest)
    if not makers:
        return Damage(digest, corrupt, None, None, None)
    return Damage(digest, corrupt, makers[0].kind, makers[0].role, makers[0].key)


def repair(database: Database, store: Store, damages: Sequence[Damage]) -> int:
    """Remove what is corrupt and plan again all work that made it, or that failed for want of it, as far as a manifest
    still asks for it; gives the count. What was superseded is left as it is: see :func:`accept`."""
    with database.read() as session:
        again = _to_plan_again(session, damages)
    for damage in damages:
        if damage.kind is None or damage.digest in again.digests:
            store.delete(damage.digest)
    return database.transact(lambda session: _plan_again(session, damages, again))


def accept(database: Database, store: Store, damages: Sequence[Damage], *, by: str) -> int:
    """Record that these bytes are lost for good, and that ``by`` accepts it; what is corrupt is removed. Work that a
    manifest still asks for is planned again; gives its count."""
    planned = repair(database, store, damages)
    with database.write() as session:
        for some in pieces([damage.digest for damage in damages]):
            session.execute(sa.update(Artifact).where(Artifact.digest.in_(some)).values(pruned_at=db_now()))
        session.add_all(Loss(artifact_digest=d.digest, found=found_as(d), accepted_by=by) for d in damages)
    for damage in damages:
        store.delete(damage.digest)
    return planned


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
    """Keys of the work to be planned again, and the lost artifacts that it makes."""

    keys: frozenset[str]
    digests: frozenset[str]


def _to_plan_again(session: Session, damages: Sequence[Damage]) -> _Again:
    asked = AskedFor(session)
    lost = {damage.digest for damage in damages}
    waiting = failed_for(session, lost)
    keys: set[str] = set()
    digests: set[str] = set()
    for digest in sorted(lost):
        held_up = [work.key for work in waiting.get(digest, ()) if asked.is_of_a_manifest(work.kind, work.key)]
        makers = asked.makers(digest)
        if held_up and not makers:  # it is wanted, although nothing has been made of it yet
            makers = [maker for maker in makers_of(session, digest) if asked.is_of_a_manifest(maker.kind, maker.key)]
        keys.update(held_up, (maker.key for maker in makers))
        if makers:
            digests.add(digest)
    return _Again(frozenset(keys), frozenset(digests))


def _plan_again(session: Session, damages: Sequence[Damage], again: _Again) -> int:
    # A page or lineage packed anew may have other bytes; the lost ones are then no longer named by anything.
    packed = sorted(damage.digest for damage in damages if damage.kind == "pack" and damage.digest in again.digests)
    session.execute(sa.update(Artifact).where(Artifact.digest.in_(packed)).values(pruned_at=db_now()))
    count = 0
    for table in (Render, Step):
        for keys in pieces(sorted(again.keys)):
            anew = sa.update(table).where(table.key.in_(keys))
            anew = anew.values(state="planned", attempts=0, due_at=0.0, activity_id=None)
            count += len(session.execute(anew.returning(table.key)).all())
    return count
