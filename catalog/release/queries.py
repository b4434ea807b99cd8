"""Reads releases: by the step that packed them, an album's current one, and the files of all builds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from catalog.common.digests import Json
from db.session import Database
from db.tables.album import Album
from db.tables.release import Release, ReleaseFile


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A packed release: its build number, document, and the artifact of each file by path."""

    album_id: str
    build: int
    document: Mapping[str, Json]
    files: Mapping[str, str]
    step_key: str
    created_at: float


def release_by_key(database: Database, step_key: str) -> ReleaseRow | None:
    """The release that a pack step made."""
    return _release(database, sa.select(Release).where(Release.step_key == step_key))


def current_release(database: Database, album_id: str) -> ReleaseRow | None:
    """The album's current release."""
    return _release(
        database, sa.select(Release).join(Album, Album.release_key == Release.step_key).where(Album.id == album_id)
    )


def files_of_builds(database: Database, album_id: str) -> dict[str, frozenset[str]]:
    """The digests that all builds of an album have had at each path."""
    query = sa.select(ReleaseFile.path, ReleaseFile.artifact_digest).join(Release, Release.id == ReleaseFile.release_id)
    digests_by_path: dict[str, set[str]] = {}
    with database.read() as session:
        for row in session.execute(query.where(Release.album_id == album_id).distinct()):
            digests_by_path.setdefault(row.path, set()).add(row.artifact_digest)
    return {path: frozenset(digests) for path, digests in digests_by_path.items()}


def next_build(database: Database, album_id: str) -> int:
    """The number of the album's next build."""
    with database.read() as session:
        return (session.scalar(sa.select(sa.func.max(Release.build)).where(Release.album_id == album_id)) or 0) + 1


def _release(database: Database, query: sa.Select[tuple[Release]]) -> ReleaseRow | None:
    with database.read() as session:
        row = session.scalars(query).first()
        if row is None:
            return None
        files = session.execute(
            sa.select(ReleaseFile.path, ReleaseFile.artifact_digest)
            .where(ReleaseFile.release_id == row.id)
            .order_by(ReleaseFile.path)
        ).all()
    return ReleaseRow(
        row.album_id,
        row.build,
        row.document,
        {file.path: file.artifact_digest for file in files},
        row.step_key,
        row.created_at,
    )
