"""Tables of submissions to work pools: the state of each submitted album, and the shards of its renders."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.album import Album
from db.tables.base import DIGEST, ID, Base, database_now


class Submission(Base):
    """An album submitted to work pools, ``active → paused | cancelled | done | failed``, and active again by a new
    request.

    ``attempt`` is raised whenever a new run takes over the album: an older run sees that and ends itself.
    ``counted_from`` is when the budget of GPU minutes began, in epoch seconds by the database's clock.
    """

    __tablename__ = "submission"

    album_id: Mapped[str] = mapped_column(ID, ForeignKey(Album.id), primary_key=True)
    manifest_digest: Mapped[str] = mapped_column(DIGEST)
    until: Mapped[str] = mapped_column(String(16))
    priority: Mapped[str] = mapped_column(String(16))
    max_gpu_minutes: Mapped[float | None]
    state: Mapped[str] = mapped_column(String(16), index=True)
    reason: Mapped[str | None] = mapped_column(String(2000))
    attempt: Mapped[int] = mapped_column(default=1)
    flow_run_id: Mapped[str | None] = mapped_column(String(36))
    counted_from: Mapped[float] = mapped_column(server_default=database_now())
    submitted_at: Mapped[float] = mapped_column(server_default=database_now())
    ended_at: Mapped[float | None]


class Shard(Base):
    """Renders that one flow run makes with one model load. ``attempt`` counts the runs it was submitted as."""

    __tablename__ = "shard"

    key: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    album_id: Mapped[str] = mapped_column(ForeignKey(Album.id), index=True)
    render_keys: Mapped[list[Any]]
    forecast_s: Mapped[float]
    attempt: Mapped[int] = mapped_column(default=1)
    flow_run_id: Mapped[str | None] = mapped_column(String(36))
    dispatched_at: Mapped[float] = mapped_column(server_default=database_now())
