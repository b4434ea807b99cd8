"""Statements that are the same for both databases: for rows that others may insert or change at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.tables.base import Base

Item = TypeVar("Item")

ROW_LOCK = {"key_share": True}
"""``with_for_update`` of a row that is read and then changed: others wait for it until the transaction ends. On
PostgreSQL this is FOR NO KEY UPDATE, which allows inserting rows that only refer to it; SQLite has one writer at a
time anyway."""

PIECE = 5000
"""Maximum number of values in one IN: PostgreSQL allows 65,535 in a statement, SQLite 32,766."""

AFTER_ALL = "\U0010ffff"


def chunked(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """``items`` in pieces that fit one statement."""
    for start in range(0, len(items), PIECE):
        yield items[start : start + PIECE]


def starts_with(column: InstrumentedAttribute[str], prefix: str) -> sa.ColumnElement[bool]:
    """Whether a text begins with ``prefix``, case-sensitive, as a range for which both databases use an index."""
    return sa.and_(column >= prefix, column < prefix + AFTER_ALL)


def insert_missing(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows whose keys do not exist yet. Pass them ordered by key: two processes that insert the same rows
    then wait for each other instead of deadlocking."""
    session.execute(_insert(session, table).on_conflict_do_nothing(), [dict(row) for row in rows])


def insert_all(
    session: Session,
    table: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    computed: Mapping[str, sa.ColumnElement[Any] | sa.ScalarSelect[Any]] | None = None,
) -> None:
    """Insert rows with the same columns in one statement that returns nothing; ``computed`` columns are expressions,
    which may have parameters of the rows."""
    if rows:
        statement = sa.insert(_table(table)).values(dict(computed)) if computed else sa.insert(_table(table))
        session.connection().execute(statement, [dict(row) for row in rows])


def insert_or_set(
    session: Session,
    table: type[Base],
    rows: Sequence[Mapping[str, Any]],
    column: InstrumentedAttribute[Any],
    value: object,
) -> None:
    """Insert ``rows`` with the same columns, or set one ``column`` of the existing rows with their keys."""
    if not rows:
        return
    statement = _insert(session, table).on_conflict_do_update(
        index_elements=list(_table(table).primary_key.columns),
        set_={column.key: value},
        where=column.is_distinct_from(value),
    )
    session.connection().execute(statement, [dict(row) for row in rows])


def _insert(session: Session, table: type[Base]) -> sqlite.Insert | postgresql.Insert:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    return insert(_table(table))


def _table(model: type[Base]) -> sa.Table:
    return cast(sa.Table, model.__table__)
