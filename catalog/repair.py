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
    lost = {damage.digest for damage in damages}
    with database.write() as session:
        keys = {key for digest in lost for _, _, key in _makers(session, digest)}
        work: list[Render | Step] = [*session.scalars(sa.select(Render)), *session.scalars(sa.select(Step))]
        again = [row for row in work if row.key in keys or _failed_for(row, lost)]
        # A page or lineage packed anew may have other bytes; the lost ones are then no longer named by anything.
        packed = [damage.digest for damage in damages if damage.kind == "pack"]
        session.execute(sa.update(Artifact).where(Artifact.digest.in_(packed)).values(pruned_at=db_now()))
        for row in again:
            row.state, row.attempts, row.due_at, row.activity_id = "planned", 0, 0.0, None
    return len(again)


def _failed_for(row: Render | Step, lost: set[str]) -> bool:
    return row.state == "failed" and (row.error or {}).get("ids", {}).get("digest") in lost


def _makers(session: Session, digest: str) -> list[tuple[str, str, str]]:
    rows = session.execute(
        sa.select(Activity.kind, ActivityArtifact.role, Activity.work_key)
        .join(ActivityArtifact, ActivityArtifact.activity_id == Activity.id)
        .where(ActivityArtifact.artifact_digest == digest, ActivityArtifact.direction == "made")
        .order_by(Activity.started_at)
    ).all()
    return [(row.kind, row.role, row.work_key) for row in rows]
