"""Bringing lost bytes back: what made them is planned again.

The next render makes the same bytes where the work is repeatable bit for bit. Where it is not (a GPU, another batch),
other bytes take their place, and those that are lost for good count as pruned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.store.base import Store
from db.base import db_now
from db.production import Render, Step
from db.provenance import Activity, ActivityArtifact, Artifact
from db.rows import pieces
from db.session import Database


@dataclass(frozen=True, slots=True)
class Damage:
    """One artifact that is missing or corrupt: what made it as which role, None for a file from outside."""

    digest: str
    corrupt: bool
    kind: str | None
    role: str | None
    work_key: str | None


def examine(database: Database, store: Store, digests: Sequence[str]) -> list[Damage]:
    """Read the bytes of every digest; gives those that are missing or corrupt."""
    found: list[Damage] = []
    for digest in digests:
        missing = store.stat(digest) is None
        if not missing and store.verify(digest):
            continue
        with database.read() as session:
            makers = _makers(session, digest)
        kind, role, key = makers[0] if makers else (None, None, None)
        found.append(Damage(digest, not missing, kind, role, key))
    return found


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
