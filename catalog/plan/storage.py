"""An album's stored plan, from which other machines work without the manifest and its files."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.album.document import album_of
from catalog.common.errors import InputError
from catalog.plan.applied_policy import applied_by, row_policy
from catalog.plan.plan import Candidate, PlannedAlbum, PlannedSong, candidate_of
from catalog.recipe import Recipe
from db.session import Database
from db.tables.album import Album as AlbumRow
from db.tables.album import Candidate as CandidateRow
from db.tables.album import Render
from db.tables.album import Song as SongRow


def stored_plan(database: Database, album_id: str) -> PlannedAlbum:
    """The newest plan of an album with the candidates it requests now. Raises InputError where there is none.

    Files of the manifest are bare names: their bytes are in the store under their digests.
    """
    with database.read() as session:
        row = session.get(AlbumRow, album_id)
        if row is None:
            raise InputError(f"there is no album {album_id!r} in this catalog", remedy="Name one that was planned here")
        album = album_of(row.manifest)
        offers = _offered(session, album_id)
        songs = tuple(
            PlannedSong(row_id, song, candidates) for song in album.songs for row_id, candidates in (offers[song.id],)
        )
        policy, identities = row_policy(row, album.selection), row.model_identities or {}
        application = applied_by(session, row, album.selection)
        return PlannedAlbum(album, row.manifest_digest, policy, row.cover_digest, songs, identities, application)


def part_of(
    planned: PlannedAlbum, *, songs: Collection[str] | None = None, renders: Collection[str] | None = None
) -> PlannedAlbum:
    """The plan reduced to the ``songs`` with these ids and the candidates of these ``renders``."""
    chosen_songs = [song for song in planned.songs if songs is None or song.song.id in songs]
    if renders is not None:
        reduced_songs = (
            replace(
                planned_song,
                candidates=tuple(candidate for candidate in planned_song.candidates if candidate.render_key in renders),
            )
            for planned_song in chosen_songs
        )
        chosen_songs = [song for song in reduced_songs if song.candidates]
    return replace(planned, songs=tuple(chosen_songs))


def _offered(session: Session, album_id: str) -> dict[str, tuple[int, tuple[Candidate, ...]]]:
    """Row id and active candidates of each song, in the manifest's order."""
    condition = sa.and_(SongRow.album_id == album_id, SongRow.active)
    songs = {row.id: row.slug for row in session.execute(sa.select(SongRow.id, SongRow.slug).where(condition))}
    rows = session.execute(
        sa.select(CandidateRow, Render.recipe)
        .join(Render, Render.key == CandidateRow.render_key)
        .join(SongRow, SongRow.id == CandidateRow.song_id)
        .where(condition, CandidateRow.active)
        .order_by(CandidateRow.song_id, CandidateRow.seed_order)
    )
    candidates: dict[int, list[Candidate]] = {row_id: [] for row_id in songs}
    for row, recipe in rows:
        candidates[row.song_id].append(candidate_of(row, Recipe.from_document(recipe)))
    return {slug: (row_id, tuple(candidates[row_id])) for row_id, slug in songs.items()}
