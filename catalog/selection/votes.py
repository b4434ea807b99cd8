"""Votes of blind listenings: which of several candidates of a song a user preferred, and how they were heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal, Self

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.digests import Json
from catalog.common.errors import InputError
from db.session import Database
from db.tables.album import Candidate, Song
from db.tables.selection import Vote as VoteRow

VoteKind = Literal["pairwise", "all"]
MOST_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Conditions:
    """How the candidates of a vote were heard: ``matched`` to one loudness, as takes (``mix``) or as masters, one
    ``stem`` of them or everything, ``blind`` or not; ``seed`` is that of the order shown."""

    matched: bool
    stage: Literal["mix", "master"]
    stem: str | None
    blind: bool
    seed: int | None = None

    def document(self) -> dict[str, Json]:
        """As JSON, as it is stored."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Json]) -> Self:
        """The inverse of :meth:`document`."""
        return cls(**document)


@dataclass(frozen=True, slots=True)
class Vote:
    """A stored vote on a song of an album; candidates by their ids: ``shown`` in the order shown, ``preferred`` those
    that got a place, the best first. ``at`` is ISO 8601 in UTC."""

    album: str
    song: str
    kind: VoteKind
    shown: tuple[str, ...]
    preferred: tuple[str, ...]
    conditions: Conditions
    by: str
    at: str

    def pairs(self) -> list[tuple[str, str]]:
        """What the vote says of two candidates each: the better one first.

        One with a place is better than all after it, and than all that were shown and got none.
        """
        rest = [candidate for candidate in self.shown if candidate not in self.preferred]
        return [
            (better, worse)
            for place, better in enumerate(self.preferred)
            for worse in (*self.preferred[place + 1 :], *rest)
        ]


def store_vote(
    database: Database,
    album_id: str,
    song_id: str,
    *,
    kind: VoteKind,
    shown: Sequence[str],
    preferred: Sequence[str],
    conditions: Conditions,
    by: str,
) -> None:
    """Store a vote. Raises InputError where the candidates shown are not several of this song, the preferred ones are
    not among them, or a vote on two does not prefer one."""
    _check(kind, shown, preferred)

    def store(session: Session) -> None:
        song = session.scalar(sa.select(Song).where(Song.album_id == album_id, Song.slug == song_id))
        known = set() if song is None else _candidates(session, song.id)
        if song is None or not known.issuperset(shown):
            raise InputError("the vote names a candidate that the song does not have", remedy="Load the page again")
        row = VoteRow(song_id=song.id, kind=kind, shown=list(shown), preferred=list(preferred), said_by=by)
        row.conditions = conditions.document()
        session.add(row)

    database.transact(store)


def _check(kind: VoteKind, shown: Sequence[str], preferred: Sequence[str]) -> None:
    if not 2 <= len(set(shown)) == len(shown) <= MOST_SHOWN:
        raise InputError("a vote compares several candidates", remedy="Show at least two, each once")
    if not preferred or len(set(preferred)) != len(preferred) or not set(preferred) <= set(shown):
        raise InputError("a vote prefers some of the candidates shown", remedy="Choose the best, each one once")
    if kind == "pairwise" and (len(shown), len(preferred)) != (2, 1):
        raise InputError("a vote on a pair prefers one of two", remedy="Choose the better one")


def _candidates(session: Session, song_row_id: int) -> set[str]:
    return set(session.scalars(sa.select(Candidate.id).where(Candidate.song_id == song_row_id)))


def votes_of(database: Database, album_id: str | None = None, song_id: str | None = None) -> list[Vote]:
    """The votes of the catalog, of an album or of a song, oldest first."""
    query = sa.select(VoteRow, Song.album_id, Song.slug).join(Song, Song.id == VoteRow.song_id)
    if album_id is not None:
        query = query.where(Song.album_id == album_id)
    if song_id is not None:
        query = query.where(Song.slug == song_id)
    with database.read() as session:
        return [_vote(row, album, song) for row, album, song in session.execute(query.order_by(VoteRow.id)).tuples()]


def _vote(row: VoteRow, album: str, song: str) -> Vote:
    kind: VoteKind = row.kind  # type: ignore[assignment]
    at = datetime.fromtimestamp(row.said_at, UTC).isoformat(timespec="seconds")
    conditions = Conditions.from_document(row.conditions)
    return Vote(album, song, kind, tuple(row.shown), tuple(row.preferred), conditions, row.said_by, at)
