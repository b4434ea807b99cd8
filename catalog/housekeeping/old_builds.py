"""Builds that newer ones have replaced, and what no album needs any more: which they are, and how their bytes go.

What the catalog says of them stays, so that a file which was delivered long ago still leads back to what it is.
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
    """Rows of old builds: those whose bytes are ``kept`` until now, and those whose bytes were removed earlier."""

    kept: tuple[int, ...]
    removed: tuple[int, ...]

    @property
    def all(self) -> tuple[int, ...]:
        """Both."""
        return (*self.kept, *self.removed)


def old_builds(session: Session, keep: int) -> OldBuilds:
    """The builds that go: neither among the newest of their album nor the one that it stands at."""
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
    """What no album needs and no manifest asks for; nothing while any work is under way, which may be about to use it
    again."""
    if graph.leased:
        return Held()
    asked = AskedFor(session)
    needed = graph.held_by_others().artifacts
    unneeded = [digest for digest in graph.artifacts if digest not in needed and graph.names_bytes(digest)]
    return Held(artifacts=frozenset(digest for digest in unneeded if not asked.makers(digest)))


def prune(session: Session, lone: Held, releases: Sequence[int]) -> list[str]:
    """Say that the bytes of these artifacts are gone, and that the work which made them, and the packing of these
    releases, is to be done again where it is asked for again; gives the digests whose bytes may go."""
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
    """Those of the artifacts whose bytes are not gone already."""
    found: list[str] = []
    for some in chunked(sorted(digests)):
        query = sa.select(Artifact.digest).where(Artifact.digest.in_(some), Artifact.pruned_at.is_(None))
        found += session.scalars(query)
    return found
