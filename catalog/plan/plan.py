"""Stores an album's plan: its row, its songs, and the candidates it requests now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.album.album import Album, Song
from catalog.common.digests import Json, digest_value
from catalog.common.takes import IMPORTED, take_name
from catalog.lyrics.lyrics import Lyrics
from catalog.lyrics.reading import stored_lyrics
from catalog.plan.applied_policy import Applicant, AppliedBy, applied_by, is_applied, note_application, row_policy
from catalog.recipe import Recipe
from catalog.selection.decide import Policy
from db.session import Database
from db.statements import ROW_LOCK, insert_missing
from db.tables.album import Album as AlbumRow
from db.tables.album import Candidate as CandidateRow
from db.tables.album import Song as SongRow
from db.tables.base import Base
from db.tables.release import Release


@dataclass(frozen=True, slots=True)
class Candidate:
    """One render offered for a song. A retake has a ``parent``, and ``lyrics`` where its words differ from the
    song's."""

    id: str
    seed: int
    order: int
    recipe: Recipe
    render_key: str
    parent: str | None = None
    lyrics: Lyrics | None = None

    def of(self, song: Song) -> Song:
        """The song as the candidate's engine renders it, with the candidate's lyrics."""
        own = replace(song, lyrics=self.lyrics, words=None) if self.lyrics else song
        if self.recipe.engine == IMPORTED:  # its length is no fault: nothing was asked of it
            own = replace(own, length_s=self.recipe.length_s)
        return own.rendered_by(self.recipe.engine)

    def competing_engine(self, song: Song) -> str | None:
        """Its engine where several make candidates of the song, or where it was made elsewhere; else None."""
        return self.recipe.engine if song.other_engines or self.recipe.engine == IMPORTED else None

    def name(self, song: Song) -> str:
        """Its seed in words, with its engine where several compete."""
        return take_name(self.seed, self.competing_engine(song))


@dataclass(frozen=True, slots=True)
class PlannedSong:
    """A song with its row id and its candidates in the order of the manifest's seeds."""

    row_id: int
    song: Song
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class PlannedAlbum:
    """An album's plan; ``policy`` is the one in force (the manifest's, or one that a user ``applied`` over it),
    ``cover_digest`` the cover's artifact, ``identities`` the files of the models for judges and stems at planning
    time, by model name."""

    album: Album
    digest: str
    policy: Policy
    cover_digest: str | None
    songs: tuple[PlannedSong, ...]
    identities: Mapping[str, Json] = field(default_factory=dict)
    applied: AppliedBy | None = None


def expand(album: Album, song: Song, recipes: Sequence[Recipe]) -> tuple[Candidate, ...]:
    """The candidates of a song, with ids that are short, readable and the same on every machine."""
    return tuple(
        Candidate(candidate_id(album.id, song.id, recipe), recipe.seed, order, recipe, recipe.digest)
        for order, recipe in enumerate(recipes)
    )


def candidate_id(album_id: str, song_id: str, recipe: Recipe, *, mark: str = "") -> str:
    """The id: song, seed with its ``mark`` (r: a retake), and the start of a digest of the whole identity."""
    identity = digest_value("candidate/v1", {"album": album_id, "song": song_id, "recipe": recipe.digest})
    return f"{song_id[:40]}-{recipe.seed}{mark}-{identity[:6]}"


def candidate_of(row: CandidateRow, recipe: Recipe) -> Candidate:
    """The candidate of a row, with its recipe as a value."""
    lyrics = stored_lyrics(row.lyrics_lrc) if row.lyrics_lrc else None
    return Candidate(row.id, row.seed, row.seed_order, recipe, row.render_key, row.parent_id, lyrics)


def manifest_digest(document: Mapping[str, Json]) -> str:
    """Identity of a resolved manifest."""
    return digest_value("manifest/v1", document)


def store_plan(
    database: Database,
    album: Album,
    *,
    document: Mapping[str, Json],
    candidates: Mapping[str, Sequence[Candidate]],
    cover_digest: str | None,
    identities: Mapping[str, Json] | None = None,
) -> PlannedAlbum:
    """Write the album's current plan to the catalog. Render rows must be declared before.

    ``candidates`` maps song ids to their candidates, ``identities`` models to the files that are used. Songs and
    candidates that are no longer requested stay as inactive rows.
    """

    digest = manifest_digest(document)
    fields = {
        "title": album.title,
        "manifest": dict(document),
        "manifest_digest": digest,
        "cover_digest": cover_digest,
        "model_identities": dict(identities or {}),
    }

    def store(session: Session) -> tuple[Policy, AppliedBy | None, dict[str, int]]:
        row = _album_row(session, album.id, fields)
        ids = _store_songs(session, album)
        _store_candidates(session, album, ids, candidates)
        return row_policy(row, album.selection), applied_by(session, row, album.selection), ids

    policy, application, ids = database.transact(store)
    songs = tuple(PlannedSong(ids[song.id], song, tuple(candidates[song.id])) for song in album.songs)
    return PlannedAlbum(album, digest, policy, cover_digest, songs, identities or {}, application)


def policy_in_force(database: Database, album: Album) -> tuple[Policy, AppliedBy | None]:
    """The album's policy: one that a user applied over the manifest's current one, and who applied it, else the
    manifest's."""
    with database.read() as session:
        row = session.get(AlbumRow, album.id)
        if row is None:
            return album.selection, None
        return row_policy(row, album.selection), applied_by(session, row, album.selection)


def song_row_ids(database: Database, album_id: str) -> dict[str, int]:
    """Row id of each song that the catalog has of an album, by the song's id."""
    with database.read() as session:
        return _song_ids(session, album_id)


def _song_ids(session: Session, album_id: str) -> dict[str, int]:
    rows = session.execute(sa.select(SongRow.slug, SongRow.id).where(SongRow.album_id == album_id))
    return {row.slug: row.id for row in rows}


def apply_policy(
    database: Database,
    album_id: str,
    *,
    policy: Policy,
    over: Policy,
    identities: Mapping[str, Json] | None = None,
    applicant: Applicant | None = None,
) -> bool:
    """Replace the manifest's policy ``over`` with ``policy`` until the manifest's changes; passing ``over`` itself
    reverts an applied one. ``identities`` are the models of its judges, ``applicant`` is recorded. Returns whether
    anything changed."""

    def apply(session: Session) -> bool:
        row = session.get_one(AlbumRow, album_id, with_for_update=ROW_LOCK)
        row.model_identities = {**(row.model_identities or {}), **(identities or {})}
        is_same = policy.digest == over.digest
        document = None if is_same else policy.document()
        is_changed = (row.applied_policy if is_applied(row, over) else None) != document
        row.applied_policy = document
        row.applied_over = None if is_same else over.digest
        if is_changed and applicant:
            note_application(session, row, applicant)
        return is_changed

    return database.transact(apply)


def set_current_release(database: Database, album_id: str, release_key: str) -> None:
    """Set the album's current release; an earlier content has the build number that it had before."""
    with database.read() as session:
        current_key = session.get_one(AlbumRow, album_id).release_key
    if current_key != release_key:
        statement = sa.update(AlbumRow).where(AlbumRow.id == album_id).values(release_key=release_key)
        database.transact(lambda session: session.execute(statement))


def album_ids(database: Database) -> list[str]:
    """Every planned album, ordered by id."""
    with database.read() as session:
        return list(session.scalars(sa.select(AlbumRow.id).order_by(AlbumRow.id)))


def delivered_release(database: Database, album_id: str) -> tuple[str | None, int | None]:
    """Key and build number of an album's current release, None where it has none."""
    query = (
        sa.select(AlbumRow.release_key, Release.build)
        .outerjoin(Release, Release.step_key == AlbumRow.release_key)
        .where(AlbumRow.id == album_id)
    )
    with database.read() as session:
        row = session.execute(query).one()
        return row.release_key, row.build


def _album_row(session: Session, album_id: str, fields: Mapping[str, Any]) -> AlbumRow:
    insert_missing(session, AlbumRow, [{"id": album_id, **fields}])
    # Locked: of two processes that plan one album at once, the second sees everything that the first wrote.
    row = session.get_one(AlbumRow, album_id, with_for_update=ROW_LOCK)
    for name, value in fields.items():
        setattr(row, name, value)
    return row


def _store_songs(session: Session, album: Album) -> dict[str, int]:
    """Update the song rows to the album's plan; returns their ids by the songs' ids."""
    columns = (SongRow.id, SongRow.slug, SongRow.title, SongRow.position, SongRow.active)
    rows = session.execute(sa.select(*columns).where(SongRow.album_id == album.id)).all()
    rows_by_slug = {row.slug: row for row in rows}
    fields_by_slug: dict[str, dict[str, Any]] = {
        song.id: {"title": song.title, "position": song.position, "active": True} for song in album.songs
    }
    new_rows = [
        {"album_id": album.id, "slug": slug, **fields}
        for slug, fields in fields_by_slug.items()
        if slug not in rows_by_slug
    ]
    changes = [
        {"id": rows_by_slug[slug].id, **fields}
        for slug, fields in fields_by_slug.items()
        if slug in rows_by_slug and any(getattr(rows_by_slug[slug], name) != value for name, value in fields.items())
    ]
    removed_rows = [
        {"id": row.id, "title": row.title, "position": row.position, "active": False}
        for row in rows
        if row.active and row.slug not in fields_by_slug
    ]
    _store(session, SongRow, new=new_rows, changes=changes + removed_rows)
    return _song_ids(session, album.id)


def _store_candidates(
    session: Session, album: Album, ids: Mapping[str, int], candidates: Mapping[str, Sequence[Candidate]]
) -> None:
    """Update the candidate rows to the album's plan."""
    columns = (CandidateRow.id, CandidateRow.seed_order, CandidateRow.active)
    query = sa.select(*columns).join(SongRow, SongRow.id == CandidateRow.song_id).where(SongRow.album_id == album.id)
    rows_by_id = {row.id: row for row in session.execute(query)}
    requests = [(song, candidate) for song in album.songs for candidate in candidates[song.id]]
    words = {song.id: song.lyrics.digest for song in album.songs}
    new_rows = [
        {**_candidate_row(song, request), "song_id": ids[song.id], "lyrics_digest": words[song.id]}
        for song, request in requests
        if request.id not in rows_by_id
    ]
    states = {request.id: (request.order, True) for _, request in requests}
    states |= {row.id: (row.seed_order, False) for row in rows_by_id.values() if row.id not in states}
    changes = [
        {"id": row.id, "seed_order": order, "active": active}
        for row, (order, active) in ((row, states[row.id]) for row in rows_by_id.values())
        if (row.seed_order, row.active) != (order, active)
    ]
    _store(session, CandidateRow, new=new_rows, changes=changes)


def _candidate_row(song: Song, candidate: Candidate) -> dict[str, Any]:
    return {
        "id": candidate.id,
        "render_key": candidate.render_key,
        "seed": candidate.seed,
        "seed_order": candidate.order,
        "prompt": song.prompt,
        "active": True,
    }


def _store(
    session: Session, table: type[Base], *, new: Sequence[Mapping[str, Any]], changes: Sequence[dict[str, Any]]
) -> None:
    """Insert and update many rows, with one statement each."""
    if new:
        session.execute(sa.insert(table), [dict(row) for row in new])
    if changes:
        session.execute(sa.update(table), list(changes))
