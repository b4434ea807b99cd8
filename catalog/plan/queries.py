"""Reads an album's plan: whether there is one, its manifest, its candidates and their recipes."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from catalog.common.errors import InputError
from catalog.recipe import Recipe
from db.in_values import in_values
from db.session import Database
from db.statements import starts_with
from db.tables.album import Album, Candidate, Render, Song

LISTED = 20
"""Maximum number of albums named in an error."""


def recipe_of(database: Database, render_key: str) -> Recipe:
    """The declared recipe of a render."""
    with database.read() as session:
        return Recipe.from_document(session.get_one(Render, render_key).recipe)


def recipes_of(database: Database, render_keys: Sequence[str]) -> dict[str, Recipe]:
    """The declared recipes of renders, by key."""
    with database.read() as session:
        rows = session.execute(sa.select(Render.key, Render.recipe).where(in_values(Render.key, render_keys))).all()
    return {row.key: Recipe.from_document(row.recipe) for row in rows}


def digest_of_plan(database: Database, album_id: str) -> str | None:
    """The digest of the manifest that the album was last planned from; None where it never was."""
    with database.read() as session:
        return session.scalar(sa.select(Album.manifest_digest).where(Album.id == album_id))


def planned_renders(database: Database, album_id: str) -> frozenset[str]:
    """The keys of the renders that the album's plan in the catalog asks for."""
    query = sa.select(Candidate.render_key).join(Song, Song.id == Candidate.song_id)
    with database.read() as session:
        return frozenset(session.scalars(query.where(Song.album_id == album_id, Song.active, Candidate.active)))


def require_album(database: Database, album_id: str) -> None:
    """Raise InputError, naming the known albums, unless the album is in the catalog."""
    with database.read() as session:
        if session.scalar(sa.select(Album.id).where(Album.id == album_id)) is not None:
            return
        album_ids = list(session.scalars(sa.select(Album.id).order_by(Album.id).limit(LISTED + 1)))
    suffix = " and more" if len(album_ids) > LISTED else ""
    remedy = f"Known albums: {', '.join(album_ids[:LISTED])}{suffix}" if album_ids else "Render an album first"
    raise InputError(f"no album {album_id!r} is in the catalog", remedy=remedy)


def candidate_by_prefix(database: Database, prefix: str) -> tuple[str, str]:
    """Id and render key of the candidate whose id starts with ``prefix``. Raises InputError unless exactly one
    matches."""
    with database.read() as session:
        query = sa.select(Candidate.id, Candidate.render_key).where(starts_with(Candidate.id, prefix))
        rows = session.execute(query.order_by(Candidate.id).limit(6)).all()
    exact_rows = [row for row in rows if row.id == prefix]
    if len(exact_rows or rows) == 1:
        candidate = (exact_rows or rows)[0]
        return candidate.id, candidate.render_key
    if not rows:
        raise InputError(f"no candidate's id starts with {prefix!r}", remedy="See `songline scores ALBUM` for the ids")
    raise InputError(
        f"{prefix!r} fits several candidates: {', '.join(row.id for row in rows)}", remedy="Give more of the id"
    )


def parent_of(database: Database, candidate: str) -> tuple[str, str] | None:
    """Id and audio digest of the candidate that a retake was made from; None for a candidate that is no retake."""
    with database.read() as session:
        parent = session.get_one(Candidate, candidate).parent_id
        if parent is None:
            return None
        digest = session.get_one(Render, session.get_one(Candidate, parent).render_key).audio_digest
        return parent, digest or ""
