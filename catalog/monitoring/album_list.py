"""The albums in the catalog and the state of each."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from catalog.ledger.submissions import Submission, submissions_of
from catalog.plan.status import SongRow, songs_of_albums
from catalog.release.kept import is_kept
from db.session import Database
from db.tables.album import Album
from db.tables.release import Release

_ON_POOLS = {"active": "on work pools", "paused": "paused", "cancelled": "cancelled"}


@dataclass(frozen=True, slots=True)
class AlbumEntry:
    """One album: its ``state`` in a word or two, its songs and those with a winner, and the builds whose files are
    kept; ``build`` is the number of the current one, ``released_at`` when that was made (seconds since 1970). Rows
    alone do not show whether the masters of a decided or released album exist: see :mod:`flows.pipeline.survey`."""

    id: str
    title: str
    state: str
    songs: int
    decided: int
    candidates: int
    builds: int
    build: int | None
    released_at: float | None


def albums_of(
    database: Database, *, album: str | None = None, from_place: int = 0, most: int | None = None
) -> list[AlbumEntry]:
    """Every album, ordered by id, or the one with the id ``album``; at most ``most`` of them from the place
    ``from_place`` on."""
    with database.read() as session:
        query = sa.select(Album.id, Album.title, Album.release_key).order_by(Album.id)
        query = query if album is None else query.where(Album.id == album)
        rows = session.execute(query.offset(from_place).limit(most)).all()
        count_query = sa.select(Release.album_id, sa.func.count().label("builds")).where(is_kept())
        count_query = count_query.group_by(Release.album_id)
        builds = {row.album_id: row.builds for row in session.execute(count_query)}
        releases_by_key = {
            row.step_key: row
            for row in session.execute(
                sa.select(Release.step_key, Release.build, Release.created_at).join(
                    Album, Album.release_key == Release.step_key
                )
            )
        }
    entries = []
    ids = [row.id for row in rows]
    songs_by_album, submissions = songs_of_albums(database, ids), submissions_of(database, ids)
    for row in rows:
        songs = songs_by_album.get(row.id, [])
        release = releases_by_key.get(row.release_key)
        entries.append(
            AlbumEntry(
                id=row.id,
                title=row.title,
                state=_state(submissions.get(row.id), songs, is_released=release is not None),
                songs=len(songs),
                decided=sum(song.winner is not None for song in songs),
                candidates=sum(len(song.candidates) for song in songs),
                builds=builds.get(row.id, 0),
                build=release.build if release else None,
                released_at=release.created_at if release else None,
            )
        )
    return entries


def _state(submission: Submission | None, songs: list[SongRow], *, is_released: bool) -> str:
    """The work pools' state of an album that they process, else failed, the stage of its slowest song, or released."""
    if submission is not None and submission.state in _ON_POOLS:
        return _ON_POOLS[submission.state]
    states = {song.state for song in songs}
    for state in ("failed", "planned", "rendering", "rendered"):
        if state in states:
            return state if state != "planned" or states == {"planned"} else "rendering"
    return "released" if is_released else "decided"
