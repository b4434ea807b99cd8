"""Builds that newer ones have replaced, and work that no album needs any more: finds them and prunes their bytes.

Their rows stay in the catalog, so that the lineage of a file delivered long ago can still be traced.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.housekeeping.holdings import Graph, Held
from catalog.plan.current_work import AskedFor
from catalog.release.kept import is_kept
from db.statements import chunked
from db.tables.album import Album, Render, Step
from db.tables.base import database_now
from db.tables.provenance import Activity, ActivityArtifact, Artifact
from db.tables.release import Release


@dataclass(frozen=True, slots=True)
class OldBuilds:
    """Row ids of old builds: ``kept`` still have their bytes, the others were pruned earlier."""

    kept: tuple[int, ...]
    removed: tuple[int, ...]

    @property
    def all(self) -> tuple[int, ...]:
        """All row ids of old builds."""
        return (*self.kept, *self.removed)


def old_builds(session: Session, keep: int) -> OldBuilds:
    """The builds to remove: neither in the newest ``keep`` of their album nor its current one."""
    current = set(session.scalars(sa.select(Album.release_key).where(Album.release_key.is_not(None))))
    rows = session.execute(
        sa.select(Release.id, Release.album_id, Release.step_key, is_kept().label("is_kept")).order_by(
            Release.album_id, Release.build.desc()
        )
    )
    seen: dict[str, int] = {}
    going, gone = [], []
    for row in rows:
        if not row.is_kept and row.step_key not in current:
            gone.append(row.id)
            continue
        seen[row.album_id] = seen.get(row.album_id, 0) + 1
        if seen[row.album_id] > keep and row.step_key not in current:
            going.append(row.id)
    return OldBuilds(tuple(going), tuple(gone))


def superseded(session: Session, graph: Graph) -> Held:
    """Work and artifacts that no album needs and no manifest requests; empty while any work is in progress, since
    that may use them again."""
    if graph.leased:
        return Held()
    asked = AskedFor(session)
    needed = graph.held_by_others().artifacts
    unneeded = [digest for digest in graph.artifacts if digest not in needed and graph.names_bytes(digest)]
    return Held(artifacts=frozenset(digest for digest in unneeded if not asked.makers(digest)))


def prune(session: Session, lone: Held, releases: Sequence[int]) -> list[str]:
    """Mark the bytes of these artifacts as pruned, and the work that made them and the packing of these releases as
    to be done again on request; returns the digests whose bytes may be deleted."""
    going = with_bytes_yet(session, lone.artifacts)
    makers: set[str] = set()
    for rows in chunked(releases):
        makers.update(session.scalars(sa.select(Release.step_key).where(Release.id.in_(rows))))
    for some in chunked(going):
        session.execute(sa.update(Artifact).where(Artifact.digest.in_(some)).values(pruned_at=database_now()))
        made = sa.select(ActivityArtifact.activity_id).where(
            ActivityArtifact.artifact_digest.in_(some), ActivityArtifact.direction == "made"
        )
        makers.update(session.scalars(sa.select(Activity.work_key).where(Activity.id.in_(made))))
    for some in chunked(sorted(makers)):
        for table in (Step, Render):
            done = sa.update(table).where(table.key.in_(some), table.state == table.finished_state)
            session.execute(done.values(state="planned", attempts=0, due_at=0.0, activity_id=None))
    return going


def with_bytes_yet(session: Session, digests: Iterable[str]) -> list[str]:
    """The artifacts whose bytes are not pruned yet."""
    found: list[str] = []
    for some in chunked(sorted(digests)):
        query = sa.select(Artifact.digest).where(Artifact.digest.in_(some), Artifact.pruned_at.is_(None))
        found += session.scalars(query)
    return found
