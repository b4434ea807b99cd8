"""Checkpoints of a training: added under the lease of its step, thinned out, and removed when the step is done.

Their bytes are artifacts, stored before the row that names them. Kept are the best and the newest two; the artifacts of
a removed checkpoint lose their rows too where nothing else names them, so that their bytes become garbage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.ledger.recording import record_artifact
from catalog.ledger.work import Lease
from catalog.store.base import Store, Stored
from catalog.store.gc import keep_artifacts
from db.session import Database
from db.tables.album import Step
from db.tables.provenance import ActivityArtifact, Artifact, Loss
from db.tables.training import Checkpoint as CheckpointRow

TRAINING = "train"
"""The kind of step that has checkpoints."""
NEWEST_KEPT = 2
ADAPTER_TYPE = "application/x-safetensors"
STATE_TYPE = "application/x-pytorch"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a training stood after ``number`` optimiser steps: its adapter and its state, as artifacts."""

    number: int
    adapter_digest: str
    state_digest: str
    held_out_loss: float | None
    is_best: bool
    made_at: float


@dataclass(frozen=True, slots=True)
class NewCheckpoint:
    """A checkpoint to be added, its two files not yet in the store (``adapter`` is a safetensors file)."""

    number: int
    adapter: bytes
    state: bytes
    held_out_loss: float | None
    is_best: bool


def checkpoints_of(database: Database, step_key: str) -> tuple[Checkpoint, ...]:
    """The checkpoints of a training, the newest first; none once it is done."""
    query = sa.select(CheckpointRow).where(CheckpointRow.step_key == step_key).order_by(CheckpointRow.number.desc())
    with database.read() as session:
        return tuple(
            Checkpoint(row.number, row.adapter_digest, row.state_digest, row.held_out_loss, row.is_best, row.made_at)
            for row in session.scalars(query)
        )


def store_checkpoint(database: Database, store: Store, checkpoint: NewCheckpoint) -> tuple[Stored, Stored]:
    """Store a checkpoint's two files, before :func:`add_checkpoint` writes their row; returns adapter and state.

    Raises StoreError, and TransientError where a sweep removed the bytes meanwhile.
    """
    adapter, state = store.put_bytes(checkpoint.adapter), store.put_bytes(checkpoint.state)
    keep_artifacts(database, store, [adapter.digest, state.digest])
    return adapter, state


def add_checkpoint(
    session: Session, lease: Lease, checkpoint: NewCheckpoint, adapter: Stored, state: Stored
) -> list[str]:
    """Add the row of stored files, in a transaction that holds the lease, and remove rows that it makes unnecessary.

    Returns the digests whose bytes are garbage from then on.
    """
    # Those of this number and above: the training went back, and has come here again.
    garbage = _remove(session, _rows(session, lease.key, CheckpointRow.number >= checkpoint.number))
    for stored, media_type in sorted(((adapter, ADAPTER_TYPE), (state, STATE_TYPE)), key=lambda pair: pair[0].digest):
        record_artifact(session, stored, media_type=media_type)
    if checkpoint.is_best:
        statement = sa.update(CheckpointRow).where(CheckpointRow.step_key == lease.key).values(is_best=False)
        session.execute(statement)
    session.add(
        CheckpointRow(
            step_key=lease.key,
            number=checkpoint.number,
            fence=lease.fence,
            adapter_digest=adapter.digest,
            state_digest=state.digest,
            held_out_loss=checkpoint.held_out_loss,
            is_best=checkpoint.is_best,
        )
    )
    session.flush()
    newest_first = _rows(session, lease.key)
    garbage += _remove(session, [row for row in newest_first[NEWEST_KEPT:] if not row.is_best])
    return [digest for digest in garbage if digest not in (adapter.digest, state.digest)]


def remove_checkpoints(session: Session, step_key: str) -> list[str]:
    """Remove every checkpoint of a step; returns the digests whose bytes are garbage from then on."""
    return _remove(session, _rows(session, step_key))


def _rows(session: Session, step_key: str, *conditions: sa.ColumnElement[bool]) -> Sequence[CheckpointRow]:
    query = sa.select(CheckpointRow).where(CheckpointRow.step_key == step_key, *conditions)
    return session.scalars(query.order_by(CheckpointRow.number.desc())).all()


def _remove(session: Session, rows: Sequence[CheckpointRow]) -> list[str]:
    digests = sorted(
        {digest for row in rows for digest in (row.adapter_digest, row.state_digest)} - _adapters_to_preview(session)
    )
    for row in rows:
        session.delete(row)
    session.flush()
    free_digests = session.scalars(
        sa.select(Artifact.digest).where(Artifact.digest.in_(digests), *_nowhere_named())
    ).all()
    session.execute(sa.delete(Loss).where(Loss.artifact_digest.in_(free_digests)))
    session.execute(sa.delete(Artifact).where(Artifact.digest.in_(free_digests)))
    return list(free_digests)


def _adapters_to_preview(session: Session) -> set[str]:
    """The adapters of which previews are not made yet."""
    unfinished = sa.select(Step.inputs).where(Step.kind == "preview", Step.state != Step.finished_state)
    return {str(inputs.get("adapter")) for inputs in session.scalars(unfinished)}


def _nowhere_named() -> list[sa.ColumnElement[bool]]:
    columns = (ActivityArtifact.artifact_digest, CheckpointRow.adapter_digest, CheckpointRow.state_digest)
    return [~sa.exists().where(column == Artifact.digest) for column in columns]
