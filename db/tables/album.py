"""Tables of planned work: albums, songs, renders, their candidates, and every further step."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import BigInteger, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import DIGEST, ID, Base, Leased, database_now
from db.tables.provenance import Activity, Artifact


class Album(Base):
    """An album by its id, at its newest plan. An ``applied_policy`` replaces the manifest's own policy as long as the
    manifest has the one it was applied over; ``release_key`` is the current release. ``model_identities`` maps model
    names to the files that the plan's judges and stems use."""

    __tablename__ = "album"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    title: Mapped[str] = mapped_column(String(1000))
    manifest: Mapped[dict[str, Any]]
    manifest_digest: Mapped[str] = mapped_column(DIGEST)
    applied_policy: Mapped[dict[str, Any] | None]
    applied_over: Mapped[str | None] = mapped_column(DIGEST)
    release_key: Mapped[str | None] = mapped_column(DIGEST)
    cover_digest: Mapped[str | None] = mapped_column(ForeignKey(Artifact.digest), index=True)
    model_identities: Mapped[dict[str, Any] | None]
    created_at: Mapped[float] = mapped_column(server_default=database_now())


class Song(Base):
    """One song of an album. ``active`` is False once a newer manifest no longer names it."""

    __tablename__ = "song"
    __table_args__ = (UniqueConstraint("album_id", "slug"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    album_id: Mapped[str] = mapped_column(ForeignKey(Album.id))
    slug: Mapped[str] = mapped_column(ID)
    title: Mapped[str] = mapped_column(String(1000))
    position: Mapped[int]
    active: Mapped[bool] = mapped_column(default=True)


class Render(Leased, Base):
    """The work on one recipe, shared by every candidate that requests it."""

    __tablename__ = "render"
    finished_state: ClassVar[str] = "rendered"

    key: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    engine: Mapped[str] = mapped_column(String(64))
    seed: Mapped[int] = mapped_column(BigInteger)
    recipe: Mapped[dict[str, Any]]
    audio_digest: Mapped[str | None] = mapped_column(ForeignKey(Artifact.digest), index=True)
    activity_id: Mapped[str | None] = mapped_column(ForeignKey(Activity.id), index=True)


class Candidate(Base):
    """A render offered for one song, with the prompt and the lyrics it was planned from. ``active`` is False once the
    manifest no longer requests it. A retake names its parent candidate, and its own lyrics where they were changed."""

    __tablename__ = "candidate"
    __table_args__ = (UniqueConstraint("song_id", "render_key"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    song_id: Mapped[int] = mapped_column(ForeignKey(Song.id), index=True)
    render_key: Mapped[str] = mapped_column(ForeignKey(Render.key), index=True)
    seed: Mapped[int] = mapped_column(BigInteger)
    seed_order: Mapped[int]
    prompt: Mapped[str | None] = mapped_column(String(10_000))
    lyrics_digest: Mapped[str] = mapped_column(DIGEST)
    active: Mapped[bool] = mapped_column(default=True)
    parent_id: Mapped[str | None] = mapped_column(ID, ForeignKey("candidate.id"), index=True)
    lyrics_lrc: Mapped[str | None] = mapped_column(String(70_000))


class Step(Leased, Base):
    """Any work after rendering. ``key`` digests its kind, revision, parameters and inputs, so a finished key is never
    done again. ``inputs`` maps roles to artifact digests; ``result`` is its result as JSON."""

    __tablename__ = "step"
    finished_state: ClassVar[str] = "done"

    key: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), index=True)
    revision: Mapped[int]
    parameters: Mapped[dict[str, Any]]
    inputs: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any] | None]
    activity_id: Mapped[str | None] = mapped_column(ForeignKey(Activity.id), index=True)
