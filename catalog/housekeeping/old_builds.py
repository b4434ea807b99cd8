"""Builds that newer ones have replaced, and work that no album needs any more: finds them and prunes their bytes.

Their rows stay in the catalog, so that the lineage of a file delivered long ago can still be traced.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.housekeeping.holdings import Graph, Holdings
from catalog.plan.current_work import CurrentWork
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
    current_keys = set(session.scalars(sa.select(Album.release_key).where(Album.release_key.is_not(None))))
    rows = session.execute(
        sa.select(Release.id, Release.album_id, Release.step_key, is_kept().label("is_kept")).order_by(
            Release.album_id, Release.build.desc()
        )
    )
    counts: dict[str, int] = {}
    kept_ids, pruned_ids = [], []
    for row in rows:
        if not row.is_kept and row.step_key not in current_keys:
            pruned_ids.append(row.id)
            continue
        counts[row.album_id] = counts.get(row.album_id, 0) + 1
        if counts[row.album_id] > keep and row.step_key not in current_keys:
            kept_ids.append(row.id)
    return OldBuilds(tuple(kept_ids), tuple(pruned_ids))


def superseded(session: Session, graph: Graph) -> Holdings:
    """Work and artifacts that no album needs and no manifest requests; empty while any work is in progress, since
    that may use them again."""
    if graph.leased:
        return Holdings()
    requests = CurrentWork(session)
    needed_digests = graph.held_by_others().artifacts
    unneeded_digests = [
        digest for digest in graph.artifacts if digest not in needed_digests and graph.names_bytes(digest)
    ]
    return Holdings(artifacts=frozenset(digest for digest in unneeded_digests if not requests.makers(digest)))


def prune(session: Session, unshared: Holdings, releases: Sequence[int]) -> list[str]:
    """Mark the bytes of these artifacts as pruned, and the work that made them and the packing of these releases as
    to be done again on request; returns the digests whose bytes may be deleted."""
    digests = with_bytes_yet(session, unshared.artifacts)
    makers: set[str] = set()
    for rows in chunked(releases):
        makers.update(session.scalars(sa.select(Release.step_key).where(Release.id.in_(rows))))
    for batch in chunked(digests):
        session.execute(sa.update(Artifact).where(Artifact.digest.in_(batch)).values(pruned_at=database_now()))
        query = sa.select(ActivityArtifact.activity_id).where(
            ActivityArtifact.artifact_digest.in_(batch), ActivityArtifact.direction == "made"
        )
        makers.update(session.scalars(sa.select(Activity.work_key).where(Activity.id.in_(query))))
    for batch in chunked(sorted(makers)):
        for table in (Step, Render):
            statement = sa.update(table).where(table.key.in_(batch), table.state == table.finished_state)
            session.execute(statement.values(state="planned", attempts=0, due_at=0.0, activity_id=None))
    return digests


def with_bytes_yet(session: Session, digests: Iterable[str]) -> list[str]:
    """The artifacts whose bytes are not pruned yet."""
    digests_left: list[str] = []
    for batch in chunked(sorted(digests)):
        query = sa.select(Artifact.digest).where(Artifact.digest.in_(batch), Artifact.pruned_at.is_(None))
        digests_left += session.scalars(query)
    return digests_left
