"""Which candidates keep their audio when an album is pruned: the rule that a user states, and what it means now."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.digests import Json
from catalog.common.errors import InputError
from catalog.common.takes import IMPORTED
from catalog.selection.stored_reviews import standing_in
from db.tables.album import Candidate, Render, Song
from db.tables.selection import Decision

MOST_RANKS = 10_000
_TOP = re.compile(r"top:([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class KeepRule:
    """What a prune keeps of each song beside its winner, its pick and its imports: the ``top`` ranked candidates."""

    top: int = 0

    @classmethod
    def from_text(cls, text: str) -> KeepRule:
        """The rule of ``winners,picks,top:N``, its words in any order. Raises InputError for anything else."""
        top = 0
        for word in (part.strip() for part in text.split(",")):
            match = _TOP.fullmatch(word)
            if match and 1 <= int(match[1]) <= MOST_RANKS:
                top = max(top, int(match[1]))
            elif word not in ("winners", "picks"):
                raise InputError(
                    f"{word!r} is nothing that can be kept",
                    remedy=f"Give winners, picks or top:N, N from 1 to {MOST_RANKS}, such as winners,top:2",
                )
        return cls(top)


@dataclass(frozen=True, slots=True)
class Take:
    """A candidate with audio: ``render_key`` names its render, ``song`` is its song's row id."""

    id: str
    album: str
    song: int
    render_key: str
    active: bool
    engine: str


@dataclass(frozen=True, slots=True)
class _Decided:
    """A song's newest decision: its winner, and the rank of every candidate that it judged, None where it had none."""

    winner: str | None
    ranks: Mapping[str, int | None] = field(default_factory=dict)


def takes_of(session: Session) -> list[Take]:
    """Every rendered candidate of every album."""
    rows = session.execute(
        sa.select(Candidate, Song.album_id, Song.active, Render.engine)
        .join(Song, Song.id == Candidate.song_id)
        .join(Render, Render.key == Candidate.render_key)
        .where(Render.audio_digest.is_not(None), Render.activity_id.is_not(None))
        .order_by(Song.album_id, Song.position, Candidate.seed_order)
    ).tuples()
    return [
        Take(row.id, album, row.song_id, row.render_key, row.active and is_active, engine)
        for row, album, is_active, engine in rows
    ]


def kept_takes(session: Session, takes: Sequence[Take], rule: KeepRule) -> frozenset[str]:
    """Ids of the candidates among ``takes`` that the rule keeps.

    A song's winner, its pick and its imports always stay, and so do candidates that its newest decision did not judge
    yet. A song without a winner keeps all: nothing was chosen that could stand for the others.
    """
    songs = sorted({take.song for take in takes})
    decided = {song: _newest_decision(session, song) for song in songs}
    picks = {reviews.picked.candidate for reviews in standing_in(session, songs).values() if reviews.picked}
    return frozenset(
        take.id
        for take in takes
        if take.engine == IMPORTED or take.id in picks or _stays(take, decided[take.song], rule)
    )


def _stays(take: Take, decided: _Decided, rule: KeepRule) -> bool:
    if decided.winner is None or take.id == decided.winner:
        return True
    if take.id not in decided.ranks:
        return take.active
    rank = decided.ranks[take.id]
    return rank is not None and rank <= rule.top


def _newest_decision(session: Session, song: int) -> _Decided:
    query = sa.select(Decision).where(Decision.song_id == song).order_by(Decision.id.desc()).limit(1)
    row = session.scalars(query).first()
    if row is None:
        return _Decided(None)
    candidates: Sequence[Mapping[str, Json]] = row.document["candidates"]
    return _Decided(row.winner_id, {candidate["id"]: candidate["rank"] for candidate in candidates})
