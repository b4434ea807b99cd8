"""What shows that something of an album changed, read in a few statements for the whole catalog: pages that follow
albums ask each second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from db.in_values import in_values
from db.session import Database
from db.tables.album import Album, Candidate, Render, Song
from db.tables.provenance import Activity
from db.tables.release import Release
from db.tables.selection import Decision, Review
from db.tables.submission import Submission


@dataclass(frozen=True, slots=True)
class AlbumMark:
    """The state of one album, to be compared with an earlier one: ``own`` of the album itself, ``songs`` by id."""

    own: tuple[object, ...]
    songs: Mapping[str, tuple[object, ...]] = field(default_factory=dict)

    def changed_songs(self, before: AlbumMark) -> list[str]:
        """The songs that are not as they were."""
        return [song for song in {**before.songs, **self.songs} if before.songs.get(song) != self.songs.get(song)]


def album_marks(database: Database) -> dict[str, AlbumMark]:
    """The mark of every album, by id."""
    states: dict[str, dict[str, list[object]]] = {}
    of_song = (Song.album_id, Song.slug)
    active = sa.and_(Song.active, Candidate.active)
    renders = (
        sa.select(*of_song, Render.state, sa.func.count())
        .join(Candidate, Candidate.song_id == Song.id)
        .join(Render, Render.key == Candidate.render_key)
        .where(active)
        .group_by(*of_song, Render.state)
        .order_by(*of_song, Render.state)
    )
    decisions = sa.select(*of_song, sa.func.max(Decision.id)).join(Decision, Decision.song_id == Song.id)
    reviews = (
        sa.select(*of_song, sa.func.max(Review.id))
        .join(Candidate, Candidate.song_id == Song.id)
        .join(Review, Review.candidate_id == Candidate.id)
    )
    with database.read() as session:
        albums = {
            row.id: tuple(row)
            for row in session.execute(sa.select(Album.id, Album.title, Album.manifest_digest, Album.release_key))
        }
        releases = dict(
            session.execute(sa.select(Release.album_id, sa.func.max(Release.id)).group_by(Release.album_id))
            .tuples()
            .all()
        )
        pools = dict(session.execute(sa.select(Submission.album_id, Submission.state)).tuples().all())
        for name, query in (
            ("render", renders),
            ("decision", decisions.where(Song.active).group_by(*of_song)),
            ("review", reviews.where(Song.active).group_by(*of_song)),
        ):
            for album, song, *rest in session.execute(query):
                states.setdefault(album, {}).setdefault(song, []).append((name, *rest))
    return {
        album: AlbumMark(
            (*own, releases.get(album), pools.get(album)),
            {song: tuple(parts) for song, parts in states.get(album, {}).items()},
        )
        for album, own in albums.items()
    }


def newest_activity(database: Database, album_ids: Sequence[str]) -> dict[str, float]:
    """When something was last done or said for each of some albums (seconds since 1970): a render, a decision, a
    review or a release; albums for which nothing was done are left out."""
    of_albums = in_values(Song.album_id, album_ids)
    renders = (
        sa.select(Song.album_id, sa.func.max(Activity.started_at + Activity.seconds))
        .join(Candidate, Candidate.song_id == Song.id)
        .join(Render, Render.key == Candidate.render_key)
        .join(Activity, Activity.id == Render.activity_id)
    )
    decisions = sa.select(Song.album_id, sa.func.max(Decision.created_at)).join(Decision, Decision.song_id == Song.id)
    reviews = (
        sa.select(Song.album_id, sa.func.max(Review.said_at))
        .join(Candidate, Candidate.song_id == Song.id)
        .join(Review, Review.candidate_id == Candidate.id)
    )
    releases = sa.select(Release.album_id, sa.func.max(Release.created_at))
    releases = releases.where(in_values(Release.album_id, album_ids)).group_by(Release.album_id)
    newest: dict[str, float] = {}
    with database.read() as session:
        for query in (
            *(each.where(of_albums).group_by(Song.album_id) for each in (renders, decisions, reviews)),
            releases,
        ):
            for album, at in session.execute(query).tuples():
                newest[album] = max(at, newest.get(album, 0.0))
    return newest


def counted_albums(database: Database) -> int:
    """The number of albums in the catalog."""
    with database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(Album)) or 0
