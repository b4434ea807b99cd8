"""Tables of releases and their files."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.album import Album
from db.tables.base import DIGEST, Base, database_now
from db.tables.provenance import Activity, Artifact


class Release(Base):
    """One packed build of an album. ``step_key`` is the digest of everything in it."""

    __tablename__ = "release"
    __table_args__ = (UniqueConstraint("album_id", "build"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    album_id: Mapped[str] = mapped_column(ForeignKey(Album.id))
    build: Mapped[int]
    step_key: Mapped[str] = mapped_column(DIGEST, unique=True)
    activity_id: Mapped[str] = mapped_column(ForeignKey(Activity.id), index=True)
    document: Mapped[dict[str, Any]]
    created_at: Mapped[float] = mapped_column(server_default=database_now())


class ReleaseFile(Base):
    """One file of a release by its path inside the folder (POSIX, relative)."""

    __tablename__ = "release_file"

    release_id: Mapped[int] = mapped_column(ForeignKey(Release.id), primary_key=True)
    path: Mapped[str] = mapped_column(String(1000), primary_key=True)
    artifact_digest: Mapped[str] = mapped_column(ForeignKey(Artifact.digest), index=True)
