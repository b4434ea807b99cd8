"""Counts the statements that are sent to a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event

from db.session import Database


@contextmanager
def counted(database: Database | None, *, parameters: list[tuple[str, Any]] | None = None) -> Iterator[list[str]]:
    """Collect the statements that are sent during the block; many rows inserted by one call count once.

    With ``parameters``, each is appended there with its values.
    """
    sent: list[str] = []
    if database is None:
        yield sent
        return

    def note(_connection: Connection, _cursor: object, statement: str, values: object, *_: object) -> None:
        sent.append(statement)
        if parameters is not None:
            parameters.append((statement, values))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
