"""Locates lost bytes for the user: the album, the song and the build that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.housekeeping.repair import Damage
from catalog.lineage.track_origins import TrackOrigin, origins_of
from db.in_values import in_values
from db.session import Database
from db.tables.album import Album, Candidate, Render, Song
from db.tables.provenance import Activity, ActivityArtifact
from db.tables.release import Release, ReleaseFile


@dataclass(frozen=True, slots=True)
class Place:
    """The place of an artifact: titles of album and song with its ``position`` (from 1), the ``build`` that has it at
    these ``paths``, and the ``candidate`` whose take it is or was made from. Each is None, or empty, where there is
    none or more than one."""

    album: str | None = None
    song: str | None = None
    position: int | None = None
    build: int | None = None
    paths: tuple[str, ...] = ()
    candidate: str | None = None


def places_of(database: Database, damages: Sequence[Damage]) -> dict[str, Place]:
    """The place of each lost artifact, by its digest."""
    with database.read() as session:
        return {damage.digest: _place(session, damage) for damage in damages}


def _place(session: Session, damage: Damage) -> Place:
    origins = origins_of(session, damage.digest)
    if not origins or damage.kind == "render":
        return _of_take(session, damage.digest)
    album = session.get_one(Album, origins[0].album_id).title
    paths = _paths(session, damage.digest, origins)
    if len(origins) > 1:
        return Place(album, build=origins[0].build, paths=paths)
    (origin,) = origins
    song = _song(session, origin.candidate)
    if song is None:
        return Place(album, origin.song, build=origin.build, paths=paths, candidate=origin.candidate)
    return Place(album, song.title, song.position, origin.build, paths, origin.candidate)


def _paths(session: Session, digest: str, origins: Sequence[TrackOrigin]) -> tuple[str, ...]:
    """The paths that the artifact has in the release."""
    rows = session.scalars(
        sa.select(ReleaseFile.path)
        .join(Release, Release.id == ReleaseFile.release_id)
        .where(Release.album_id == origins[0].album_id, Release.build == origins[0].build)
        .where(ReleaseFile.artifact_digest == digest)
        .order_by(ReleaseFile.path)
    )
    return tuple(rows)


def _song(session: Session, candidate: str) -> Song | None:
    query = sa.select(Song).join(Candidate, Candidate.song_id == Song.id).where(Candidate.id == candidate)
    return session.scalars(query).first()


def _of_take(session: Session, digest: str) -> Place:
    """The take that an artifact is or was made from; of several, those that a manifest requests count."""
    rows = session.execute(
        sa.select(Album.title.label("album"), Song.title, Song.position, Candidate.id)
        .join(Song, Song.album_id == Album.id)
        .join(Candidate, Candidate.song_id == Song.id)
        .where(in_values(Candidate.render_key, _renders_behind(session, digest)))
        .order_by(Candidate.active.desc(), Album.id, Song.position, Candidate.id)
    ).all()
    if not rows:
        return Place(_album_of_cover(session, digest))
    first_row = rows[0]
    if any((row.album, row.title) != (first_row.album, first_row.title) for row in rows):
        return Place(first_row.album if len({row.album for row in rows}) == 1 else None)
    return Place(first_row.album, first_row.title, first_row.position, candidate=first_row.id)


def _renders_behind(session: Session, digest: str) -> list[str]:
    """Keys of the renders that made an artifact or its ancestors."""
    keys: set[str] = set()
    seen_digests, queue = {digest}, [digest]
    while queue:
        query = (
            sa.select(Activity.id, Activity.kind, Activity.work_key)
            .join(ActivityArtifact, ActivityArtifact.activity_id == Activity.id)
            .where(ActivityArtifact.artifact_digest == queue.pop(), ActivityArtifact.direction == "made")
        )
        for maker in session.execute(query).all():
            if maker.kind == "render":
                keys.add(maker.work_key)
                continue
            inputs_query = sa.select(ActivityArtifact.artifact_digest).where(
                ActivityArtifact.activity_id == maker.id, ActivityArtifact.direction == "used"
            )
            new_digests = set(session.scalars(inputs_query)) - seen_digests
            seen_digests |= new_digests
            queue += new_digests
    keys.update(session.scalars(sa.select(Render.key).where(Render.audio_digest == digest)))
    return sorted(keys)


def _album_of_cover(session: Session, digest: str) -> str | None:
    return session.scalars(sa.select(Album.title).where(Album.cover_digest == digest).order_by(Album.id)).first()
