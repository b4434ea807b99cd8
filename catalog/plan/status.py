"""The state of an album's songs: their current candidates and their newest decisions, in a few queries for all
songs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.digests import Json
from catalog.plan.queries import require_album
from db.in_values import in_values
from db.session import Database
from db.tables.album import Candidate, Render, Song, Step
from db.tables.selection import Decision


@dataclass(frozen=True, slots=True)
class SongRow:
    """A song in the catalog, with its current candidates and its newest decision; ``waiting`` are the candidates
    added after it. ``decision`` is the decision's document, empty where documents were not requested."""

    id: str
    title: str
    candidates: tuple[CandidateRow, ...]
    decision: Mapping[str, Json] | None
    winner: str | None
    waiting: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """One word for the song's state: decided, failed, rendered, rendering or planned."""
        states = {candidate.state for candidate in self.candidates}
        if self.winner and not self.waiting:
            return "decided"
        if (self.decision is not None and not self.waiting) or states == {"failed"}:
            return "failed"
        if states <= {"rendered", "failed"}:
            return "rendered"
        return "planned" if states == {"planned"} else "rendering"


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """A current candidate: ``state`` is its render's, ``error`` the document of a failure."""

    id: str
    seed: int
    state: str
    render_key: str
    error: Mapping[str, Json] | None
    audio_digest: str | None


def songs_of(
    database: Database, album_id: str, *, documents: bool = True, from_place: int = 0, most: int | None = None
) -> list[SongRow]:
    """The album's songs in order, at most ``most`` of them from the place ``from_place`` on. Raises InputError for an
    unknown album.

    A large album is read much faster without the decisions' ``documents``.
    """
    require_album(database, album_id)
    condition = sa.and_(Song.album_id == album_id, Song.active)
    if most is not None:
        with database.read() as session:
            places = sa.select(Song.id).where(condition).order_by(Song.position).offset(from_place).limit(most)
            condition = in_values(Song.id, list(session.scalars(places)))
    return _songs_where(database, condition, documents=documents).get(album_id, [])


def song_of_slug(database: Database, album_id: str, slug: str) -> SongRow | None:
    """The album's song of this id; None where it has none."""
    condition = sa.and_(Song.album_id == album_id, Song.slug == slug, Song.active)
    return next(iter(_songs_where(database, condition, documents=True).get(album_id, ())), None)


def candidate_counts(database: Database, album_id: str) -> Counter[str]:
    """The number of an album's current candidates by their state."""
    query = (
        sa.select(Render.state, sa.func.count())
        .join(Candidate, Candidate.render_key == Render.key)
        .join(Song, Song.id == Candidate.song_id)
        .where(Song.album_id == album_id, Song.active, Candidate.active)
        .group_by(Render.state)
    )
    with database.read() as session:
        return Counter(dict(session.execute(query).tuples().all()))


def songs_of_albums(database: Database, album_ids: Sequence[str]) -> dict[str, list[SongRow]]:
    """The songs of several albums, in order, without the documents of their decisions."""
    condition = sa.and_(in_values(Song.album_id, album_ids), Song.active)
    return _songs_where(database, condition, documents=False)


def _songs_where(database: Database, condition: sa.ColumnElement[bool], *, documents: bool) -> dict[str, list[SongRow]]:
    """The songs that fulfil a condition, in order, by album."""
    with database.read() as session:
        query = sa.select(Song.id, Song.album_id, Song.slug, Song.title).where(condition)
        songs = session.execute(query.order_by(Song.album_id, Song.position)).all()
        candidates = _candidates(session, condition)
        decisions = _decisions(session, condition, documents=documents)
    by_album: dict[str, list[SongRow]] = {}
    for song in songs:
        row = _song(song.slug, song.title, tuple(candidates.get(song.id, ())), decisions.get(song.id))
        by_album.setdefault(song.album_id, []).append(row)
    return by_album


def song_of_album(database: Database, album_id: str, song_id: str) -> SongRow | None:
    """The song of this id with its decision's document; None where the album has no such song now."""
    condition = sa.and_(Song.album_id == album_id, Song.slug == song_id, Song.active)
    return next(iter(_songs_where(database, condition, documents=True).get(album_id, [])), None)


def song_of_candidate(database: Database, album_id: str, candidate: str) -> SongRow:
    """The album's song that has this current candidate."""
    has_it = sa.select(Candidate.song_id).where(Candidate.id == candidate)
    condition = sa.and_(Song.album_id == album_id, Song.active, Song.id.in_(has_it))
    return _songs_where(database, condition, documents=True)[album_id][0]


def _candidates(session: Session, of_album: sa.ColumnElement[bool]) -> dict[int, list[CandidateRow]]:
    """The current candidates by song row id."""
    candidate_table, render_table = Candidate, Render
    columns = (
        candidate_table.song_id,
        candidate_table.id,
        candidate_table.seed,
        render_table.state,
        render_table.key,
        render_table.error,
        render_table.audio_digest,
    )
    rows = session.execute(
        sa.select(*columns)
        .join(Song, Song.id == candidate_table.song_id)
        .join(render_table, render_table.key == candidate_table.render_key)
        .where(of_album, candidate_table.active)
        .order_by(candidate_table.song_id, candidate_table.seed_order)
    )
    candidates: dict[int, list[CandidateRow]] = {}
    for song_id, *candidate in rows:
        candidates.setdefault(song_id, []).append(CandidateRow(*candidate))
    return candidates


@dataclass(frozen=True, slots=True)
class _Newest:
    """A song's newest decision; ``candidate_ids`` are the candidates it could select from, including failed ones."""

    document: Mapping[str, Json]
    winner: str | None
    candidate_ids: frozenset[str]


def _decisions(session: Session, of_album: sa.ColumnElement[bool], *, documents: bool) -> dict[int, _Newest]:
    """The newest decision by song row id."""
    newest_ids = sa.select(sa.func.max(Decision.id)).join(Song, Song.id == Decision.song_id).where(of_album)
    document = Decision.document if documents else sa.null()
    rows = session.execute(
        sa.select(Decision.song_id, Decision.winner_id, document.label("document"), Step.parameters)
        .join(Step, Step.key == Decision.step_key)
        .where(Decision.id.in_(newest_ids.group_by(Decision.song_id)))
    )
    decisions: dict[int, _Newest] = {}
    for row in rows:
        candidate_ids = frozenset(
            candidate["id"] for candidate in (*row.parameters["candidates"], *row.parameters["failed"])
        )
        decisions[row.song_id] = _Newest(row.document or {}, row.winner_id, candidate_ids)
    return decisions


def _song(slug: str, title: str, candidates: tuple[CandidateRow, ...], newest: _Newest | None) -> SongRow:
    ids = {candidate.id for candidate in candidates}
    # A decision about removed candidates does not apply to the current ones; added candidates wait for the next
    # decision.
    if newest is None or not newest.candidate_ids <= ids:
        return SongRow(slug, title, candidates, None, None)
    waiting_ids = tuple(candidate.id for candidate in candidates if candidate.id not in newest.candidate_ids)
    return SongRow(slug, title, candidates, newest.document, newest.winner, waiting_ids)
