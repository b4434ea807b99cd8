"""Tables of provenance: artifacts, and the activities that used and made them (W3C PROV's terms)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import DIGEST, ID, Base, database_now


class Artifact(Base):
    """Immutable bytes in the store, named by their SHA-256. ``sample_digest`` identifies decoded audio."""

    __tablename__ = "artifact"

    digest: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(100))
    sample_digest: Mapped[str | None] = mapped_column(DIGEST, index=True)
    created_at: Mapped[float] = mapped_column(server_default=database_now())
    pruned_at: Mapped[float | None]


class Activity(Base):
    """One attempt at one unit of work, with everything needed to understand or repeat it. ``figures`` is a render's
    cost on its device: batch, seconds by part, memory, arithmetic."""

    __tablename__ = "activity"
    __table_args__ = (Index("ix_activity_kind_started_at", "kind", "started_at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), index=True)
    work_key: Mapped[str] = mapped_column(DIGEST, index=True)
    revision: Mapped[int]
    parameters: Mapped[dict[str, Any]]
    seed: Mapped[int | None] = mapped_column(BigInteger)
    outcome: Mapped[str] = mapped_column(String(16))
    error: Mapped[dict[str, Any] | None]
    attempt: Mapped[int]
    started_at: Mapped[float]
    seconds: Mapped[float]
    code_version: Mapped[str] = mapped_column(String(100))
    environment: Mapped[dict[str, Any]]
    device: Mapped[str] = mapped_column(String(100))
    figures: Mapped[dict[str, Any] | None]
    flow_run_id: Mapped[str | None] = mapped_column(String(36))
    task_run_id: Mapped[str | None] = mapped_column(String(36))


class ActivityArtifact(Base):
    """One artifact that an activity ``used`` or ``made``, and its role (``audio``, ``midi`` …)."""

    __tablename__ = "activity_artifact"

    activity_id: Mapped[str] = mapped_column(ForeignKey(Activity.id), primary_key=True)
    direction: Mapped[str] = mapped_column(String(4), primary_key=True)
    role: Mapped[str] = mapped_column(ID, primary_key=True)
    artifact_digest: Mapped[str] = mapped_column(ForeignKey(Artifact.digest), index=True)


class Loss(Base):
    """A user's acceptance of the loss of an artifact's bytes, which were ``found`` missing or corrupt. The artifact
    is pruned from then on; where its bytes are restored, this row stays as history."""

    __tablename__ = "loss"

    id: Mapped[int] = mapped_column(primary_key=True)
    artifact_digest: Mapped[str] = mapped_column(ForeignKey(Artifact.digest), index=True)
    found: Mapped[str] = mapped_column(String(16))
    accepted_by: Mapped[str] = mapped_column(ID)
    accepted_at: Mapped[float] = mapped_column(server_default=database_now())
