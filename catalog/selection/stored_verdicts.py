"""Stores what users say of candidates, and reads what stands of each song."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.errors import InputError
from catalog.selection.verdicts import MAX_NOTE, Verdict, VerdictKind, Verdicts
from db.in_values import in_values
from db.session import Database
from db.statements import ROW_LOCK
from db.tables.album import Candidate, Render, Song
from db.tables.selection import Verdict as VerdictRow


def say(database: Database, candidate: str, kind: VerdictKind, *, by: str, note: str | None = None) -> str:
    """Store a verdict on the candidate of this id; returns the id of its album.

    Raises InputError for a note that is too long or empty, a candidate that no manifest names any more, a pick of a
    take that is not rendered, and a withdrawal where nothing stands.
    """
    note = _checked_note(note, kind)

    def store(session: Session) -> str:
        row = session.get_one(Candidate, candidate)
        song = session.get_one(Song, row.song_id, with_for_update=ROW_LOCK)  # one verdict on a song at a time
        if not (row.active and song.active):
            raise InputError(
                f"{row.id} is no longer planned: the manifest has changed since",
                remedy="See `songline scores` for the candidates there are now",
            )
        if kind == "pick" and session.get_one(Render, row.render_key).state != Render.finished_state:
            raise InputError(f"{row.id} is not rendered yet", remedy="Run `songline render` first")
        if kind == "withdraw":
            _require_standing(standing_in(session, [song.id]).get(song.id, Verdicts()), row.id)
        session.add(VerdictRow(candidate_id=row.id, kind=kind, note=note, said_by=by))
        return song.album_id

    return database.transact(store)


def _checked_note(note: str | None, kind: VerdictKind) -> str | None:
    words = " ".join((note or "").split())
    if kind == "note" and not words:
        raise InputError("the note is empty", remedy="Give some words")
    if len(words) > MAX_NOTE:
        raise InputError(f"the note has {len(words)} characters", remedy=f"Write at most {MAX_NOTE}")
    return words or None


def _require_standing(standing: Verdicts, candidate: str) -> None:
    said = [*([standing.picked] if standing.picked else []), *standing.rejected]
    if candidate not in {verdict.candidate for verdict in said}:
        raise InputError(
            f"{candidate} is neither picked nor rejected", remedy="See `songline scores` for what was decided"
        )


def standing_verdicts(database: Database, song_row_ids: Sequence[int]) -> dict[str, Verdicts]:
    """What stands of each song, by the song's row id as text; songs of which nothing was said are left out."""
    with database.read() as session:
        return {str(song): verdicts for song, verdicts in standing_in(session, song_row_ids).items()}


def standing_in(session: Session, song_row_ids: Sequence[int]) -> dict[int, Verdicts]:
    """:func:`standing_verdicts` within a transaction."""
    standing: dict[int, Verdicts] = {}
    for song, verdict in _rows(session, song_row_ids):
        standing[song] = standing.get(song, Verdicts()).after(verdict)
    return standing


def verdicts_of_album(database: Database, album_id: str) -> dict[str, list[Verdict]]:
    """All that was ever said of the candidates of an album's songs, oldest first, by the song's id; songs of which
    nothing was said are left out."""
    said: dict[str, list[Verdict]] = {}
    with database.read() as session:
        songs = session.execute(sa.select(Song.id, Song.slug).where(Song.album_id == album_id, Song.active)).tuples()
        slugs = dict(songs.all())
        for song, verdict in _rows(session, list(slugs)):
            said.setdefault(slugs[song], []).append(verdict)
    return said


def verdicts_of(session: Session, song_row_id: int) -> list[Verdict]:
    """All that was ever said of a song's candidates, oldest first."""
    return [verdict for _, verdict in _rows(session, [song_row_id])]


def _rows(session: Session, song_row_ids: Sequence[int]) -> list[tuple[int, Verdict]]:
    query = (
        sa.select(Candidate.song_id, VerdictRow)
        .join(Candidate, Candidate.id == VerdictRow.candidate_id)
        .where(in_values(Candidate.song_id, song_row_ids))
        .order_by(VerdictRow.id)
    )
    return [(song, _verdict(row)) for song, row in session.execute(query).tuples()]


def _verdict(row: VerdictRow) -> Verdict:
    at = datetime.fromtimestamp(row.said_at, UTC).isoformat(timespec="seconds")
    kind: VerdictKind = row.kind  # type: ignore[assignment]
    return Verdict(row.candidate_id, kind, row.said_by, at, row.note)
