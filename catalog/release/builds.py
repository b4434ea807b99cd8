"""All builds of an album, and one by its number."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from catalog.common.errors import InputError
from catalog.common.text import first_of
from catalog.release.kept import is_kept
from catalog.release.queries import ReleaseRow, release_by_key
from db.session import Database
from db.tables.album import Album
from db.tables.provenance import Artifact
from db.tables.release import Release, ReleaseFile

MOST_BUILDS = 2**31 - 1
"""What the column holds; SQLite cannot even be asked for a number of more than 64 bits."""


@dataclass(frozen=True, slots=True)
class Build:
    """One build: when it was packed (seconds since 1970), the number and bytes of its files, whether it is the album's
    current release, and whether its files are still in the store."""

    build: int
    packed_at: float
    files: int
    size_bytes: int
    is_current: bool
    is_kept: bool


def builds_of(database: Database, album_id: str) -> list[Build]:
    """Every build of an album, newest first."""
    query = (
        sa.select(
            Release.build,
            Release.created_at,
            sa.func.count(ReleaseFile.path).label("files"),
            sa.func.coalesce(sa.func.sum(Artifact.size), 0).label("size"),
            (Release.step_key == Album.release_key).label("is_current"),
            is_kept().label("is_kept"),
        )
        .join(Album, Album.id == Release.album_id)
        .outerjoin(ReleaseFile, ReleaseFile.release_id == Release.id)
        .outerjoin(Artifact, Artifact.digest == ReleaseFile.artifact_digest)
        .where(Release.album_id == album_id)
        .group_by(Release.id, Release.build, Release.created_at, Release.step_key, Album.release_key)
        .order_by(Release.build.desc())
    )
    with database.read() as session:
        return [
            Build(row.build, row.created_at, row.files, int(row.size), bool(row.is_current), bool(row.is_kept))
            for row in session.execute(query)
        ]


def release_of_build(database: Database, album_id: str, build: int) -> ReleaseRow:
    """The release with a build number. Raises InputError, naming the builds there are, where there is none."""
    query = sa.select(Release.step_key).where(Release.album_id == album_id, Release.build == build)
    with database.read() as session:
        key = session.scalar(query) if build <= MOST_BUILDS else None
    release = release_by_key(database, key) if key is not None else None
    if release is None:
        numbers = [str(known.build) for known in builds_of(database, album_id)]
        remedy = f"Its builds are {first_of(numbers, most=20)}" if numbers else "Render it first"
        raise InputError(f"{album_id} has no build {build}", remedy=remedy)
    return release
