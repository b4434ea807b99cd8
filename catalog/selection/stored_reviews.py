"""Stores what users say of candidates, and reads what stands of each song."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.errors import InputError
from catalog.common.takes import pruned_error
from catalog.common.text import has_control
from catalog.selection.reviews import MAX_NOTE, Review, ReviewKind, Reviews
from db.in_values import in_values
from db.session import Database
from db.statements import ROW_LOCK
from db.tables.album import Candidate, Render, Song
from db.tables.provenance import Artifact
from db.tables.selection import Review as ReviewRow


def say(database: Database, candidate: str, kind: ReviewKind, *, by: str, note: str | None = None) -> str:
    """Store a review on the candidate of this id; returns the id of its album.

    Raises InputError for a note that is too long, empty or cannot be shown, a candidate that no manifest names any
    more, a pick of a take that is not rendered, and a withdrawal where nothing stands; WorkError for a pick of a take
    whose audio was pruned.
    """
    note = _checked_note(note, kind)

    def store(session: Session) -> str:
        row = session.get_one(Candidate, candidate)
        song = session.get_one(Song, row.song_id, with_for_update=ROW_LOCK)  # one review on a song at a time
        if not (row.active and song.active):
            raise InputError(
                f"{row.id} is no longer planned: the manifest has changed since",
                remedy="See `songline scores` for the candidates there are now",
            )
        if kind == "pick":
            _require_audio(session, row)
        if kind == "withdraw":
            _require_standing(standing_in(session, [song.id]).get(song.id, Reviews()), row.id)
        session.add(ReviewRow(candidate_id=row.id, kind=kind, note=note, said_by=by))
        return song.album_id

    return database.transact(store)


def _require_audio(session: Session, candidate: Candidate) -> None:
    """Raise the error of a candidate that cannot be finished now: not rendered, or pruned since."""
    render = session.get_one(Render, candidate.render_key)
    if render.state != Render.finished_state:
        raise InputError(f"{candidate.id} is not rendered yet", remedy="Run `songline render` first")
    if render.audio_digest and session.get_one(Artifact, render.audio_digest).pruned_at is not None:
        raise pruned_error(candidate.id, "finished")


def _checked_note(note: str | None, kind: ReviewKind) -> str | None:
    words = " ".join((note or "").split())
    if kind == "note" and not words:
        raise InputError("the note is empty", remedy="Give some words")
    if has_control(words):
        raise InputError("the note has characters that cannot be shown", remedy="Leave them out")
    if len(words) > MAX_NOTE:
        raise InputError(f"the note has {len(words)} characters", remedy=f"Write at most {MAX_NOTE}")
    return words or None


def _require_standing(standing: Reviews, candidate: str) -> None:
    said = [*([standing.picked] if standing.picked else []), *standing.rejected]
    if candidate not in {review.candidate for review in said}:
        raise InputError(
            f"{candidate} is neither picked nor rejected", remedy="See `songline scores` for what was decided"
        )


def standing_reviews(database: Database, song_row_ids: Sequence[int]) -> dict[str, Reviews]:
    """What stands of each song, by the song's row id as text; songs of which nothing was said are left out."""
    with database.read() as session:
        return {str(song): reviews for song, reviews in standing_in(session, song_row_ids).items()}


def standing_in(session: Session, song_row_ids: Sequence[int]) -> dict[int, Reviews]:
    """:func:`standing_reviews` within a transaction."""
    standing: dict[int, Reviews] = {}
    for song, review in _rows(session, song_row_ids):
        standing[song] = standing.get(song, Reviews()).after(review)
    return standing


def reviews_of_album(database: Database, album_id: str) -> dict[str, list[Review]]:
    """All that was ever said of the candidates of an album's songs, oldest first, by the song's id; songs of which
    nothing was said are left out."""
    said: dict[str, list[Review]] = {}
    with database.read() as session:
        songs = session.execute(sa.select(Song.id, Song.slug).where(Song.album_id == album_id, Song.active)).tuples()
        slugs = dict(songs.all())
        for song, review in _rows(session, list(slugs)):
            said.setdefault(slugs[song], []).append(review)
    return said


def reviews_of(session: Session, song_row_id: int) -> list[Review]:
    """All that was ever said of a song's candidates, oldest first."""
    return [review for _, review in _rows(session, [song_row_id])]


def _rows(session: Session, song_row_ids: Sequence[int]) -> list[tuple[int, Review]]:
    query = (
        sa.select(Candidate.song_id, ReviewRow)
        .join(Candidate, Candidate.id == ReviewRow.candidate_id)
        .where(in_values(Candidate.song_id, song_row_ids))
        .order_by(ReviewRow.id)
    )
    return [(song, _review(row)) for song, row in session.execute(query).tuples()]


def _review(row: ReviewRow) -> Review:
    at = datetime.fromtimestamp(row.said_at, UTC).isoformat(timespec="seconds")
    kind: ReviewKind = row.kind  # type: ignore[assignment]
    return Review(row.candidate_id, kind, row.said_by, at, row.note)
