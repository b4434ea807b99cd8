"""Albums submitted to work pools: the request, its state, and the flow run that coordinates it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.digests import digest_value
from catalog.ledger.work import WorkStatus
from db.in_values import in_values
from db.session import Database
from db.statements import ROW_LOCK, insert_missing
from db.tables.album import Render, Step
from db.tables.base import database_now
from db.tables.provenance import Activity
from db.tables.submission import Shard as ShardRow
from db.tables.submission import Submission as SubmissionRow

SubmissionState = Literal["active", "paused", "cancelled", "done", "failed"]
Priority = Literal["urgent", "normal", "batch"]
MAX_REASON = 2000
BUDGET_SPENT = "the budget of"
"""Start of the reason of a submission that was paused because its GPU minutes are spent, not by the user."""


@dataclass(frozen=True, slots=True)
class SubmissionRequest:
    """A request for an album: its plan, the stage to stop after, its queue, and its budget."""

    album_id: str
    manifest_digest: str
    until: str = "release"
    priority: Priority = "normal"
    max_gpu_minutes: float | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """The state of a submitted album. Only the run of the newest ``attempt`` coordinates it."""

    request: SubmissionRequest
    state: SubmissionState
    reason: str | None
    attempt: int
    flow_run_id: str | None
    counted_from: float


@dataclass(frozen=True, slots=True)
class Shard:
    """Renders that were submitted as one flow run; ``attempt`` counts its runs."""

    key: str
    album_id: str
    render_keys: tuple[str, ...]
    forecast_s: float
    attempt: int
    flow_run_id: str | None


def submit(database: Database, request: SubmissionRequest) -> Submission:
    """Submit an album. A request equal to the current one changes nothing; any other makes it active under a new
    attempt, with its budget counted from now."""
    fields = {
        "manifest_digest": request.manifest_digest,
        "until": request.until,
        "priority": request.priority,
        "max_gpu_minutes": request.max_gpu_minutes,
        "state": "active",
    }

    def ask(session: Session) -> Submission:
        insert_missing(session, SubmissionRow, [{"album_id": request.album_id, "attempt": 1, **fields}])
        row = session.get_one(SubmissionRow, request.album_id, with_for_update=ROW_LOCK)
        if _submission(row).request != request or row.state != "active":
            for name, value in fields.items():
                setattr(row, name, value)
            row.attempt += 1
            row.flow_run_id, row.reason, row.ended_at = None, None, None
            row.counted_from = session.scalar(sa.select(database_now())) or 0.0
        return _submission(row)

    return database.transact(ask)


def submission_of(database: Database, album_id: str) -> Submission | None:
    """The album's submission, None where it was never submitted."""
    with database.read() as session:
        row = session.get(SubmissionRow, album_id)
        return _submission(row) if row else None


def submissions_of(database: Database, album_ids: Sequence[str]) -> dict[str, Submission]:
    """The submissions of several albums by id; albums that were never submitted are left out."""
    with database.read() as session:
        rows = session.scalars(sa.select(SubmissionRow).where(in_values(SubmissionRow.album_id, album_ids)))
        return {row.album_id: _submission(row) for row in rows}


def submissions(database: Database, *, state: SubmissionState | None = None) -> list[Submission]:
    """All submissions, or those in one state, oldest first."""
    query = sa.select(SubmissionRow).order_by(SubmissionRow.submitted_at, SubmissionRow.album_id)
    with database.read() as session:
        rows = session.scalars(query.where(SubmissionRow.state == state) if state else query)
        return [_submission(row) for row in rows]


def transition(
    database: Database,
    album_id: str,
    to: SubmissionState,
    *,
    from_states: Collection[SubmissionState],
    attempt: int | None = None,
    reason: str | None = None,
) -> bool:
    """Move a submission that is in one of ``from_states`` (and under ``attempt``) to another state; returns whether it
    was."""
    update = sa.update(SubmissionRow).where(SubmissionRow.album_id == album_id, SubmissionRow.state.in_(from_states))
    if attempt is not None:
        update = update.where(SubmissionRow.attempt == attempt)
    values = {"state": to, "reason": reason and reason[:MAX_REASON]}
    ended_at = None if to == "active" else database_now()
    statement = update.values(**values, ended_at=ended_at).returning(SubmissionRow.album_id)
    return database.transact(lambda session: session.execute(statement).first() is not None)


def claim_attempt(database: Database, album_id: str, *, after: int) -> int | None:
    """Raise the attempt of an active submission from ``after``; the new attempt, None where another process was
    first."""
    statement = (
        sa.update(SubmissionRow)
        .where(SubmissionRow.album_id == album_id, SubmissionRow.attempt == after, SubmissionRow.state == "active")
        .values(attempt=after + 1, flow_run_id=None)
        .returning(SubmissionRow.attempt)
    )
    return database.transact(lambda session: session.scalar(statement))


def set_flow_run_id(database: Database, album_id: str, flow_run_id: str, *, attempt: int) -> None:
    """Store the flow run id of an attempt."""
    statement = (
        sa.update(SubmissionRow)
        .where(SubmissionRow.album_id == album_id, SubmissionRow.attempt == attempt)
        .values(flow_run_id=flow_run_id)
    )
    database.transact(lambda session: session.execute(statement))


def shard_key(album_id: str, render_keys: Sequence[str]) -> str:
    """Identity of a shard: its album and its renders in order."""
    return digest_value("shard/v1", {"album": album_id, "renders": list(render_keys)})


def declare_shard(database: Database, album_id: str, render_keys: Sequence[str], *, forecast_s: float) -> Shard:
    """The row of a shard to submit. A shard with a flow run gets its next attempt; one whose flow run could not be
    created keeps its attempt, so that such a run is found again."""
    key = shard_key(album_id, render_keys)
    fields = {"album_id": album_id, "render_keys": list(render_keys), "forecast_s": forecast_s}

    def declare(session: Session) -> Shard:
        insert_missing(session, ShardRow, [{"key": key, "attempt": 1, **fields}])
        row = session.get_one(ShardRow, key, with_for_update=ROW_LOCK)
        if row.flow_run_id is not None:
            row.attempt, row.flow_run_id = row.attempt + 1, None
        row.forecast_s = forecast_s
        row.dispatched_at = session.scalar(sa.select(database_now())) or 0.0
        return _shard(row)

    return database.transact(declare)


def set_shard_flow_run_id(database: Database, key: str, flow_run_id: str, *, attempt: int) -> None:
    """Store the id of the flow run that a shard was submitted as."""
    statement = sa.update(ShardRow).where(ShardRow.key == key, ShardRow.attempt == attempt)
    database.transact(lambda session: session.execute(statement.values(flow_run_id=flow_run_id)))


def shard_of(database: Database, key: str) -> Shard | None:
    """The shard of this key."""
    with database.read() as session:
        row = session.get(ShardRow, key)
        return _shard(row) if row else None


def shards_of_album(database: Database, album_id: str) -> list[Shard]:
    """Every shard that was ever submitted for an album, oldest first."""
    query = sa.select(ShardRow).where(ShardRow.album_id == album_id).order_by(ShardRow.dispatched_at, ShardRow.key)
    with database.read() as session:
        return [_shard(row) for row in session.scalars(query)]


def counted_since(database: Database, submission: Submission) -> float:
    """The start of an album's GPU minutes, in epoch seconds by the database's clock.

    A start in the future was stored before the clock was set back: it is set to now, once, since otherwise nothing
    would be counted until then.
    """
    with database.read() as session:
        if submission.counted_from <= (session.scalar(sa.select(database_now())) or 0.0):
            return submission.counted_from

    def settle(session: Session) -> float:
        now_s = session.scalar(sa.select(database_now())) or 0.0
        row = session.get_one(SubmissionRow, submission.request.album_id, with_for_update=ROW_LOCK)
        row.counted_from = min(row.counted_from, now_s)
        return row.counted_from

    return database.transact(settle)


def spent_s(database: Database, render_keys: Sequence[str], *, since: float) -> float:
    """Seconds of work on these renders that began after ``since``, failed attempts included."""
    total = sa.func.coalesce(sa.func.sum(Activity.seconds), 0.0)
    with database.read() as session:
        query = sa.select(total).where(in_values(Activity.work_key, render_keys), Activity.started_at >= since)
        return session.scalar(query) or 0.0


def live_leases(database: Database, render_keys: Sequence[str], step_keys: Sequence[str] = ()) -> set[str]:
    """The renders and steps that have an unexpired lease."""
    leased_keys: set[str] = set()
    with database.read() as session:
        for table, keys in ((Render, render_keys), (Step, step_keys)):
            if keys:
                leased_keys.update(
                    session.scalars(sa.select(table.key).where(in_values(table.key, keys), table.is_alive()))
                )
    return leased_keys


def release_expired_leases(database: Database) -> int:
    """Return renders whose lease expired to planned, so that their state is shown correctly; returns the count."""
    statement = (
        sa.update(Render)
        .where(Render.has_run_out())
        .values(state="planned", owner=None, lease_until=None)
        .returning(Render.key)
    )
    return database.transact(lambda session: len(session.execute(statement).all()))


def is_settled(status: WorkStatus | None) -> bool:
    """Whether a render or a step is final: done, or failed permanently."""
    return status is not None and (status.finished or status.state == "failed")


def _submission(row: SubmissionRow) -> Submission:
    request = SubmissionRequest(row.album_id, row.manifest_digest, row.until, row.priority, row.max_gpu_minutes)  # type: ignore[arg-type]
    state: SubmissionState = row.state  # type: ignore[assignment]
    return Submission(request, state, row.reason, row.attempt, row.flow_run_id, row.counted_from)


def _shard(row: ShardRow) -> Shard:
    keys = tuple(row.render_keys)
    return Shard(row.key, row.album_id, keys, row.forecast_s, row.attempt, row.flow_run_id)
