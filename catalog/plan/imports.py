"""Imports: candidates that were made elsewhere, stored beside those that the manifest asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.errors import InputError
from catalog.common.takes import IMPORTED
from catalog.common.text import did_you_mean
from catalog.lyrics.lyrics import Lyrics
from catalog.plan.plan import Candidate, candidate_id, candidate_of
from catalog.plan.retakes import AFTER_RETAKES
from catalog.recipe import Recipe
from db.session import Database
from db.statements import ROW_LOCK, insert_missing
from db.tables.album import Album as AlbumRow
from db.tables.album import Candidate as CandidateRow
from db.tables.album import Render
from db.tables.album import Song as SongRow

RecipeOf = Callable[[int], Recipe]
"""The recipe of a song's import with a number, from 1."""


def offer_import(
    database: Database,
    album_id: str,
    song_id: str,
    *,
    take_digest: str,
    recipe_of: RecipeOf,
    prompt: str | None,
    lyrics: Lyrics,
    own_lyrics: bool,
) -> tuple[Candidate, bool]:
    """Add a candidate for a file made elsewhere, with its render still to be done; returns it, and whether it is new.

    A file that the song has already stays the candidate that it is. ``lyrics`` are the words of the take,
    ``own_lyrics`` where they are not the song's. Raises InputError for a song that the album's plan does not have.
    """

    def offer(session: Session) -> tuple[Candidate, bool]:
        session.get_one(AlbumRow, album_id, with_for_update=ROW_LOCK)  # excludes other planners
        song = _song(session, album_id, song_id)
        imports = _imports(session, SongRow.id == song.id)
        if known := next((take for take in imports if take.recipe.inputs["take"] == take_digest), None):
            return known, False
        recipe = recipe_of(max((take.seed for take in imports), default=0) + 1)
        insert_missing(
            session,
            Render,
            [{"key": recipe.digest, "engine": recipe.engine, "seed": recipe.seed, "recipe": recipe.document()}],
        )
        candidate = Candidate(
            candidate_id(album_id, song_id, recipe, mark="i"),
            recipe.seed,
            AFTER_RETAKES + recipe.seed,
            recipe,
            recipe.digest,
            lyrics=lyrics if own_lyrics else None,
        )
        session.add(
            CandidateRow(
                id=candidate.id,
                song_id=song.id,
                render_key=candidate.render_key,
                seed=candidate.seed,
                seed_order=candidate.order,
                prompt=prompt,
                lyrics_digest=lyrics.digest,
                lyrics_lrc=lyrics.to_lrc(with_tags=True) if own_lyrics else None,
            )
        )
        return candidate, True

    return database.transact(offer)


def _song(session: Session, album_id: str, song_id: str) -> SongRow:
    songs = {row.slug: row for row in session.scalars(sa.select(SongRow).where(SongRow.album_id == album_id))}
    active = {slug: row for slug, row in songs.items() if row.active}
    if song_id not in active:
        raise InputError(f"the album has no song {song_id!r}", remedy=did_you_mean(song_id, active))
    return active[song_id]


def with_imports(
    database: Database, album_id: str, planned: Mapping[str, Sequence[Candidate]]
) -> dict[str, tuple[Candidate, ...]]:
    """The candidates of each song, followed by those of it that were made elsewhere."""
    with database.read() as session:
        rows = session.execute(sa.select(SongRow.slug, SongRow.id).where(SongRow.album_id == album_id)).tuples()
        slugs = {row_id: slug for slug, row_id in rows}
        query = _query(SongRow.album_id == album_id)
        imports: dict[str, list[Candidate]] = {}
        for row, recipe in session.execute(query).tuples():
            imports.setdefault(slugs[row.song_id], []).append(candidate_of(row, Recipe.from_document(recipe)))
    return {song: (*candidates, *imports.get(song, ())) for song, candidates in planned.items()}


def _imports(session: Session, condition: sa.ColumnElement[bool]) -> list[Candidate]:
    rows = session.execute(_query(condition)).tuples()
    return [candidate_of(row, Recipe.from_document(recipe)) for row, recipe in rows]


def _query(condition: sa.ColumnElement[bool]) -> sa.Select[tuple[CandidateRow, dict[str, object]]]:
    return (
        sa.select(CandidateRow, Render.recipe)
        .join(Render, Render.key == CandidateRow.render_key)
        .join(SongRow, SongRow.id == CandidateRow.song_id)
        .where(condition, Render.engine == IMPORTED)
        .order_by(CandidateRow.seed_order)
    )
