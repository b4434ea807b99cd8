"""Storing an album's plan: its row, its songs, and the candidates it asks for now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.album import Album, Song
from catalog.digests import Json, digest_value
from catalog.lyrics import Lyrics
from catalog.policy import Policy
from catalog.recipe import Recipe
from db.production import Album as AlbumRow
from db.production import Candidate as CandidateRow
from db.production import Song as SongRow
from db.rows import HELD, insert_missing
from db.session import Database


@dataclass(frozen=True, slots=True)
class Candidate:
    """One render offered for a song. A retake has a ``parent``, and ``lyrics`` where its words are not the song's."""

    id: str
    seed: int
    order: int
    recipe: Recipe
    render_key: str
    parent: str | None = None
    lyrics: Lyrics | None = None

    def of(self, song: Song) -> Song:
        """The song as this candidate sings it."""
        return replace(song, lyrics=self.lyrics) if self.lyrics else song


@dataclass(frozen=True, slots=True)
class PlannedSong:
    """A song with its row id and its candidates in the order of the manifest's seeds."""

    row_id: int
    song: Song
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class PlannedAlbum:
    """An album as it is to be made; ``policy`` is the one in force (the manifest's, or one applied over it),
    ``cover_digest`` the cover's artifact."""

    album: Album
    digest: str
    policy: Policy
    cover_digest: str | None
    songs: tuple[PlannedSong, ...]


def expand(album: Album, song: Song, recipes: Sequence[Recipe]) -> tuple[Candidate, ...]:
    """The candidates of a song, with ids that are short, readable and the same on every machine."""
    return tuple(
        Candidate(candidate_id(album.id, song.id, recipe), recipe.seed, order, recipe, recipe.digest)
        for order, recipe in enumerate(recipes)
    )


def candidate_id(album_id: str, song_id: str, recipe: Recipe, *, mark: str = "") -> str:
    """Song, seed with its ``mark`` (r: a retake), and the start of a digest of the whole identity."""
    identity = digest_value("candidate/v1", {"album": album_id, "song": song_id, "recipe": recipe.digest})
    return f"{song_id[:40]}-{recipe.seed}{mark}-{identity[:6]}"


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
) -> PlannedAlbum:
    """Make the catalog say what the album asks for now. Render rows must be declared before.

    ``candidates`` maps song ids to their candidates. Songs and candidates no longer asked for stay, inactive.
    """

    def store(session: Session) -> tuple[Policy, dict[str, int]]:
        row = _album_row(session, album, document, cover_digest)
        songs = _song_rows(session, album)
        for song in album.songs:
            _candidate_rows(session, songs[song.id], song, candidates[song.id])
        return row_policy(row, album.selection), {slug: song.id for slug, song in songs.items()}

    policy, ids = database.transact(store)
    planned = tuple(PlannedSong(ids[song.id], song, tuple(candidates[song.id])) for song in album.songs)
    return PlannedAlbum(album, manifest_digest(document), policy, cover_digest, planned)


def policy_in_force(database: Database, album: Album) -> Policy:
    """The album's policy: one applied by a person over the manifest's present one, else the manifest's."""
    with database.read() as session:
        row = session.get(AlbumRow, album.id)
        return row_policy(row, album.selection) if row else album.selection


def song_row_ids(database: Database, album_id: str) -> dict[str, int]:
    """Row id of each song the catalog knows of an album, by the song's id."""
    with database.read() as session:
        return {row.slug: row.id for row in session.scalars(sa.select(SongRow).where(SongRow.album_id == album_id))}


def apply_policy(database: Database, album_id: str, *, policy: Policy, over: Policy) -> None:
    """Let ``policy`` stand in for the manifest's policy ``over``, until the manifest's changes."""

    def apply(session: Session) -> None:
        row = session.get_one(AlbumRow, album_id, with_for_update=HELD)
        same = policy.digest == over.digest
        row.applied_policy = None if same else policy.document()
        row.applied_over = None if same else over.digest

    database.transact(apply)


def set_current_release(database: Database, album_id: str, release_key: str) -> None:
    """Remember which release the album stands at; going back to an earlier content goes back to its build."""
    with database.read() as session:
        current = session.get_one(AlbumRow, album_id).release_key
    if current != release_key:
        standing = sa.update(AlbumRow).where(AlbumRow.id == album_id).values(release_key=release_key)
        database.transact(lambda session: session.execute(standing))


def row_policy(row: AlbumRow, stated: Policy) -> Policy:
    """The policy in force for an album whose manifest has the policy ``stated``."""
    if row.applied_policy is not None and row.applied_over == stated.digest:
        return Policy.model_validate(row.applied_policy)
    return stated


def _album_row(session: Session, album: Album, document: Mapping[str, Json], cover_digest: str | None) -> AlbumRow:
    fields: dict[str, Any] = {
        "title": album.title,
        "manifest": dict(document),
        "manifest_digest": manifest_digest(document),
        "cover_digest": cover_digest,
    }
    insert_missing(session, AlbumRow, [{"id": album.id, **fields}])
    # Held: of two who plan one album at once, the second sees all that the first wrote.
    row = session.get_one(AlbumRow, album.id, with_for_update=HELD)
    for name, value in fields.items():
        setattr(row, name, value)
    return row


def _song_rows(session: Session, album: Album) -> dict[str, SongRow]:
    rows = {row.slug: row for row in session.scalars(sa.select(SongRow).where(SongRow.album_id == album.id))}
    for row in rows.values():
        row.active = False
    for song in album.songs:
        row = rows.setdefault(song.id, SongRow(album_id=album.id, slug=song.id))
        row.title, row.position, row.active = song.title, song.position, True
        session.add(row)
    session.flush()
    return rows


def _candidate_rows(session: Session, row: SongRow, song: Song, candidates: Sequence[Candidate]) -> None:
    known = {
        found.id: found for found in session.scalars(sa.select(CandidateRow).where(CandidateRow.song_id == row.id))
    }
    for found in known.values():
        found.active = False
    for candidate in candidates:
        offered = known.get(candidate.id) or CandidateRow(
            id=candidate.id,
            song_id=row.id,
            render_key=candidate.render_key,
            seed=candidate.seed,
            prompt=song.prompt,
            lyrics_digest=song.lyrics.digest,
        )
        offered.seed_order, offered.active = candidate.order, True
        session.add(offered)
