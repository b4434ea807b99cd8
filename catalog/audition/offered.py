"""The candidates that a song offers now, with the plan that they are from and all that was said of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from catalog.album.album import Album
from catalog.album.document import album_of
from catalog.plan.plan import Candidate, candidate_of
from catalog.recipe import Recipe
from catalog.selection.reviews import Review
from catalog.selection.stored_reviews import reviews_of
from db.session import Database
from db.tables.album import Album as AlbumRow
from db.tables.album import Candidate as CandidateRow
from db.tables.album import Render
from db.tables.album import Song as SongRow


@dataclass(frozen=True, slots=True)
class Offered:
    """A song's candidates by id, and the reviews of them, oldest first. ``album`` has this song alone."""

    album: Album
    row_id: int
    candidates: Mapping[str, Candidate]
    reviews: tuple[Review, ...]


def offered_candidates(database: Database, album_id: str, song_id: str) -> Offered | None:
    """What a song offers; None where the catalog has no such album, or its manifest no such song."""
    condition = sa.and_(SongRow.album_id == album_id, SongRow.slug == song_id, SongRow.active)
    with database.read() as session:
        row_id = session.scalar(sa.select(SongRow.id).where(condition))
        if row_id is None:
            return None
        manifest = session.get_one(AlbumRow, album_id).manifest
        query = (
            sa.select(CandidateRow, Render.recipe)
            .join(Render, Render.key == CandidateRow.render_key)
            .where(CandidateRow.song_id == row_id, CandidateRow.active)
        )
        rows = session.execute(query).tuples().all()
        candidates = {row.id: candidate_of(row, Recipe.from_document(recipe)) for row, recipe in rows}
        reviews = tuple(reviews_of(session, row_id))
    album = album_of({**manifest, "songs": [entry for entry in manifest["songs"] if entry["id"] == song_id]})
    return Offered(album, row_id, candidates, reviews)
