"""The states of rows of work, each change compare-and-set in one SQL statement for any number of rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.files import owners
from catalog.ledger.work import Lease, StepRequest, WorkKind, WorkStatus
from db.bounds import LONGEST_WAIT_S
from db.in_values import in_values
from db.session import Database
from db.tables.album import Render, Step
from db.tables.base import database_now

TABLES: Mapping[WorkKind, type[Render] | type[Step]] = {"render": Render, "step": Step}
POLL_S = 0.5


def statuses(database: Database, work: WorkKind, keys: Sequence[str]) -> dict[str, WorkStatus]:
    """The status of each known key; unknown keys are omitted."""
    table = TABLES[work]
    columns = (table.key, table.state, table.due_at, table.error, table.owner, database_now().label("now"))
    with database.read() as session:
        rows = session.execute(sa.select(*columns).where(in_values(table.key, keys))).all()
    return {row.key: WorkStatus(row.state, _wait_s(row.due_at - row.now), row.error, row.owner) for row in rows}


def claim(
    database: Database, work: WorkKind, keys: Sequence[str], *, owner: str, owners_folder: Path, lease_s: float
) -> dict[str, Lease | WorkStatus]:
    """Lease as many of ``keys`` as are free, in one statement; the status of each of the others.

    Work that a dead process of this machine holds is free at once, and is asked for only where something was not.
    """
    leases = _lease(database, work, keys, (), owner=owner, lease_s=lease_s)
    others = _of_others(database, work, keys, leases)
    dead_owners = {
        status.owner
        for status in others.values()
        if status.state == "leased" and status.owner and owners.is_dead(owners_folder, status.owner)
    }
    if dead_owners:
        leases |= _lease(database, work, list(others), dead_owners, owner=owner, lease_s=lease_s)
        others = _of_others(database, work, keys, leases)
    return {key: leases[key] if key in leases else _polled(others[key]) for key in keys}


def _lease(
    database: Database, work: WorkKind, keys: Sequence[str], dead_owners: Collection[str], *, owner: str, lease_s: float
) -> dict[str, Lease]:
    table = TABLES[work]
    is_free = sa.or_(table.state == "planned", table.has_run_out())
    if dead_owners:
        is_free = sa.or_(is_free, sa.and_(table.state == "leased", table.owner.in_(sorted(dead_owners))))
    # Locked in one order, without waiting: a row that another process is about to lease or to finish is not free.
    free_keys = sa.select(table.key).where(in_values(table.key, keys), table.is_due(), is_free).order_by(table.key)
    statement = (
        sa.update(table)
        .where(table.key.in_(free_keys.with_for_update(skip_locked=True, key_share=True)))
        .values(state="leased", owner=owner, lease_until=database_now() + lease_s, fence=table.fence + 1)
        .returning(table.key, table.fence, table.attempts, *_request_columns(table))
        .execution_options(synchronize_session=False)
    )
    rows = database.transact(lambda session: session.execute(statement).all())
    return {
        row.key: Lease(work, row.key, row.fence, row.attempts + 1, StepRequest(*row[3:]) if row[3:] else None)
        for row in rows
    }


def _request_columns(table: type[Render] | type[Step]) -> tuple[sa.ColumnElement[Any] | Any, ...]:
    """The columns of a step's request, in the order of its fields."""
    return (table.kind, table.revision, table.parameters, table.inputs) if issubclass(table, Step) else ()


def _of_others(
    database: Database, work: WorkKind, keys: Sequence[str], leases: Mapping[str, Lease]
) -> dict[str, WorkStatus]:
    keys = [key for key in keys if key not in leases]
    return statuses(database, work, keys) if keys else {}


def _polled(status: WorkStatus) -> WorkStatus:
    """The status of work that could not be leased, with the pause before it is tried again."""
    if status.finished or status.state == "failed":
        return status
    return WorkStatus(status.state, max(status.wait_s, POLL_S), status.error, status.owner)


def renew(database: Database, leases: Sequence[Lease], lease_s: float) -> None:
    """Extend the leases that still stand."""

    def write(session: Session) -> None:
        for work, table in TABLES.items():
            held = [{"held_key": lease.key, "held_fence": lease.fence} for lease in leases if lease.work == work]
            if held:
                session.connection().execute(
                    _renewal(table, lease_s), sorted(held, key=lambda row: str(row["held_key"]))
                )

    database.transact(write)


def _renewal(table: type[Render] | type[Step], lease_s: float) -> sa.Update:
    is_held = sa.and_(table.key == sa.bindparam("held_key"), table.fence == sa.bindparam("held_fence"))
    values: dict[str, Any] = {"lease_until": database_now() + lease_s}
    return sa.update(table).where(is_held, table.state == "leased").values(values)


def retry(database: Database, work: WorkKind, keys: Sequence[str]) -> int:
    """Return failed work to planned and reset its attempts; returns the count."""
    table = TABLES[work]
    statement = (
        sa.update(table)
        .where(table.state == "failed", in_values(table.key, keys))
        .values(state="planned", attempts=0, due_at=0.0)
        .returning(table.key)
    )
    return database.transact(lambda session: len(session.execute(statement).all()))


def redo(session: Session, keys: Collection[str]) -> int:
    """Plan finished steps again; what they made stays. Returns the count."""
    statement = (
        sa.update(Step)
        .where(in_values(Step.key, keys), Step.state == Step.finished_state)
        .values(state="planned", attempts=0, due_at=0.0, activity_id=None)
        .returning(Step.key)
    )
    return len(session.execute(statement).all())


def _wait_s(until_due_s: float) -> float:
    """Seconds until work is due; 0 where it is due already, or where the clock was set back meanwhile."""
    return until_due_s if 0 < until_due_s <= LONGEST_WAIT_S else 0.0
