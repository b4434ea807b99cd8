"""The table of trainings in progress: the checkpoints from which a training goes on after it was interrupted."""

from __future__ import annotations

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.album import Step
from db.tables.base import Base, database_now
from db.tables.provenance import Artifact


class Checkpoint(Base):
    """Where a step of the kind ``train`` stood after ``number`` optimiser steps, under the lease ``fence``.

    Rows exist while the step is not done. ``held_out_loss`` is set where the held-out songs were evaluated there, and
    ``is_best`` where that evaluation was the best so far.
    """

    __tablename__ = "checkpoint"
    __table_args__ = (UniqueConstraint("step_key", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    step_key: Mapped[str] = mapped_column(ForeignKey(Step.key))
    number: Mapped[int]
    fence: Mapped[int]
    adapter_digest: Mapped[str] = mapped_column(ForeignKey(Artifact.digest), index=True)
    state_digest: Mapped[str] = mapped_column(ForeignKey(Artifact.digest), index=True)
    held_out_loss: Mapped[float | None]
    is_best: Mapped[bool]
    made_at: Mapped[float] = mapped_column(server_default=database_now())
