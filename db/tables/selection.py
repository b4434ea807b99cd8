"""Tables of scores, decisions, reviews and votes, all append-only."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.album import Candidate, Song, Step
from db.tables.base import DIGEST, ID, Base, database_now
from db.tables.provenance import Activity


class Score(Base):
    """One metric of one audio: a number with its unit, or the reason why there is none."""

    __tablename__ = "score"
    __table_args__ = (
        UniqueConstraint("step_key", "metric"),
        CheckConstraint("(value IS NULL) <> (not_measurable IS NULL)", name="one_outcome"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    step_key: Mapped[str] = mapped_column(ForeignKey(Step.key))
    activity_id: Mapped[str] = mapped_column(ForeignKey(Activity.id), index=True)
    metric: Mapped[str] = mapped_column(String(64))
    scorer: Mapped[str] = mapped_column(String(64))
    revision: Mapped[int]
    unit: Mapped[str] = mapped_column(String(16))
    value: Mapped[float | None]
    not_measurable: Mapped[str | None] = mapped_column(String(500))
    windows: Mapped[list[Any] | None]


class Decision(Base):
    """The ranked, explained decision for a song. A newer one supersedes it; none is ever changed."""

    __tablename__ = "decision"

    id: Mapped[int] = mapped_column(primary_key=True)
    song_id: Mapped[int] = mapped_column(ForeignKey(Song.id), index=True)
    step_key: Mapped[str] = mapped_column(DIGEST, index=True)
    activity_id: Mapped[str] = mapped_column(ForeignKey(Activity.id), index=True)
    supersedes_id: Mapped[int | None] = mapped_column(ForeignKey("decision.id"), index=True)
    policy: Mapped[dict[str, Any]]
    document: Mapped[dict[str, Any]]
    winner_id: Mapped[str | None] = mapped_column(ID, ForeignKey(Candidate.id), index=True)
    created_at: Mapped[float] = mapped_column(server_default=database_now())


class Review(Base):
    """What a user says of a candidate: ``pick``, ``reject``, ``withdraw`` (of either) or ``note``. Append-only: of a
    song's picks the newest counts, of a candidate its newest."""

    __tablename__ = "review"

    id: Mapped[int] = mapped_column(primary_key=True)
    candidate_id: Mapped[str] = mapped_column(ID, ForeignKey(Candidate.id), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    note: Mapped[str | None] = mapped_column(String(2000))
    said_by: Mapped[str] = mapped_column(ID)
    said_at: Mapped[float] = mapped_column(server_default=database_now())


class Vote(Base):
    """A vote of a listening on candidates of a song: ``shown`` are their ids in the order in which they were shown,
    ``preferred`` those that have a place, the best first. ``kind`` is ``pairwise`` (of two) or ``all``; ``conditions``
    is how they were heard. Append-only."""

    __tablename__ = "vote"

    id: Mapped[int] = mapped_column(primary_key=True)
    song_id: Mapped[int] = mapped_column(ForeignKey(Song.id), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    shown: Mapped[list[Any]]
    preferred: Mapped[list[Any]]
    conditions: Mapped[dict[str, Any]]
    said_by: Mapped[str] = mapped_column(ID)
    said_at: Mapped[float] = mapped_column(server_default=database_now())
