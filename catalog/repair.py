"""Bringing lost bytes back: what made them is planned again.

The next render makes the same bytes where the work is repeatable bit for bit. Where it is not (a GPU, another batch),
other bytes take their place, and those that are lost for good count as pruned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.errors import StoreError
from catalog.store.base import Store
from db.base import db_now
from db.production import Render, Step
from db.provenance import Activity, ActivityArtifact, Artifact
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
        makers = _makers(session, digest)
    kind, role, key = makers[0] if makers else (None, None, None)
    return Damage(digest, corrupt, kind, role, key)


def repair(database: Database, store: Store, damages: Sequence[Damage]) -> int:
    """Remove what is corrupt and plan again all work that made it, or that failed for want of it; gives the count."""
    for damage in damages:
        store.delete(damage.digest)
    return database.transact(lambda session: _plan_again(session, damages))


def _plan_again(session: Session, damages: Sequence[Damage]) -> int:
    lost = {damage.digest for damage in damages}
    makers = {key for digest in lost for _, _, key in _makers(session, digest)}
    # A page or lineage packed anew may have other bytes; the lost ones are then no longer named by anything.
    packed = sorted(damage.digest for damage in damages if damage.kind == "pack")
    session.execute(sa.update(Artifact).where(Artifact.digest.in_(packed)).values(pruned_at=db_now()))
    count = 0
    for table in (Render, Step):
        for keys in pieces(sorted(makers | _failed_for(session, table, lost))):
            anew = sa.update(table).where(table.key.in_(keys))
            anew = anew.values(state="planned", attempts=0, due_at=0.0, activity_id=None)
            count += len(session.execute(anew.returning(table.key)).all())
    return count


def _failed_for(session: Session, table: type[Render] | type[Step], lost: set[str]) -> set[str]:
    """Keys of the work that failed because one of these artifacts was missing."""
    failed = session.execute(sa.select(table.key, table.error).where(table.state == "failed"))
    return {row.key for row in failed if (row.error or {}).get("ids", {}).get("digest") in lost}


def _makers(session: Session, digest: str) -> list[tuple[str, str, str]]:
    rows = session.execute(
        sa.select(Activity.kind, ActivityArtifact.role, Activity.work_key)
        .join(ActivityArtifact, ActivityArtifact.activity_id == Activity.id)
        .where(ActivityArtifact.artifact_digest == digest, ActivityArtifact.direction == "made")
        .order_by(Activity.started_at)
    ).all()
    return [(row.kind, row.role, row.work_key) for row in rows]
