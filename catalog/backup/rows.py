"""The whole catalog as lines of JSON that either database can load: for backups, and to move from one database to the
other."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, BinaryIO

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.orm import Session

from catalog.common.digests import Json
from catalog.common.errors import CatalogError, RefusedError
from db.errors import message_of
from db.session import SCHEMA_REVISION, Database
from db.tables import album, provenance, release, selection, submission, training
from db.tables.base import Base

TABLES = (release, submission, selection, album, provenance, training)
"""Imported so that :class:`db.tables.base.Base` knows every table."""
BATCH = 1000
FREED = {"state": "planned", "owner": None, "lease_until": None}
UNREADABLE = "the backup's catalog is not whole"
ANOTHER = "Take another backup"
OF_ITS_MAKER = "Restore it with the Songline that made it"
MAX_LINE_BYTES = 64 << 20
FREE_LINES = 10_000
"""Lines allowed in any dump. Beyond these, a dump may have at most one line for each byte of its compressed size: a
row contains a digest or a number of its own, which takes several bytes."""
"""More than any row has; a dump with one endless line would fill the memory."""


def dumped(database: Database) -> Iterator[str]:
    """The catalog at one moment, line by line: a header, then each table with its columns and rows, referenced tables
    first, and at the end the count of rows by table."""
    counts: dict[str, int] = {}
    with database.read() as session:
        yield _line({"schema": SCHEMA_REVISION})
        for table in Base.metadata.sorted_tables:
            yield _line({"table": table.name, "columns": table.columns.keys()})
            counts[table.name] = 0
            # A server-side cursor: a catalog need not fit into memory.
            rows = session.execute(
                sa.select(table).order_by(*table.primary_key.columns), execution_options={"yield_per": BATCH}
            )
            for row in rows:
                counts[table.name] += 1
                yield _line(list(row))
    yield _line({"end": counts})


def _line(value: Json) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a dump: a row of ``table`` by column, or None for the line that begins a table."""

    table: str
    row: dict[str, Any] | None


def read_lines(lines: Iterable[str]) -> Iterator[Line]:
    """The lines of a dump. Raises CatalogError where it is truncated, damaged, not a dump, or newer than this code."""
    try:
        yield from _lines_of(lines)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError, zlib.error) as error:
        raise CatalogError(UNREADABLE, remedy=ANOTHER) from error


def _lines_of(lines: Iterable[str]) -> Iterator[Line]:
    table = ""
    columns: list[str] = []
    counts: dict[str, int] = {}
    for line in lines:
        value = json.loads(line)
        if isinstance(value, list):
            counts[table] += 1
            yield Line(table, dict(zip(columns, value, strict=True)))
        elif "table" in value:
            table, columns = value["table"], value["columns"]
            if table in counts:
                break
            counts[table] = 0
            yield Line(table, None)
        elif "end" in value and value["end"] == counts:
            return
        elif "schema" not in value:
            break
        elif value["schema"] > SCHEMA_REVISION:
            raise CatalogError(
                f"the backup was made by a newer Songline (schema {value['schema']})", remedy="Upgrade Songline"
            )
    raise CatalogError(UNREADABLE, remedy=ANOTHER)


def bounded_lines(dump: BinaryIO, packed_bytes: int) -> Iterator[str]:
    """The lines of a decompressed dump, one at a time.

    Raises ValueError for a line longer than MAX_LINE_BYTES, and for more lines than ``packed_bytes`` can hold as
    rows.
    """
    for number in count(1):
        line = dump.readline(MAX_LINE_BYTES + 1)
        if not line:
            return
        if len(line) > MAX_LINE_BYTES:
            raise ValueError(f"a line has more than {MAX_LINE_BYTES} bytes")
        if number > FREE_LINES + packed_bytes:
            raise ValueError("there are more lines than rows can be packed to")
        yield line.decode("utf-8")


def require_empty(database: Database) -> None:
    """Raise RefusedError for a catalog that contains any row."""
    with database.read() as session:
        _require_empty(session)


def load(database: Database, lines: Iterable[Line]) -> None:
    """Fill an empty catalog from a dump, in one transaction. Leases are released, since their owners are gone.

    A dump of an older schema can be loaded as long as later schemas only added to it.
    """
    try:
        with database.write(exclusive=True) as session:
            _require_empty(session)
            loader = _Loader(session)
            for line in lines:
                loader.take(line)
            loader.finish()
    except StatementError as error:
        message = message_of(error) if isinstance(error, DBAPIError) else str(error.orig)
        raise CatalogError(f"the backup does not fit into this catalog: {message}", remedy=OF_ITS_MAKER) from error
    except OverflowError as error:
        problem = "the backup does not fit into this catalog: a number in it is too large"
        raise CatalogError(problem, remedy=OF_ITS_MAKER) from error


def _require_empty(session: Session) -> None:
    table_names = [
        table.name
        for table in Base.metadata.sorted_tables
        if session.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first()
    ]
    if table_names:
        raise RefusedError(
            f"the catalog is not empty: it has rows in {', '.join(table_names)}",
            remedy="Point SONGLINE_HOME, or SONGLINE_DATABASE_URL, to a new one",
        )


@dataclass(slots=True)
class _Loader:
    """Inserts rows table by table in batches; references within a table are set once all its rows are there."""

    session: Session
    table: sa.Table | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    references: list[dict[str, Any]] = field(default_factory=list)

    def take(self, line: Line) -> None:
        if line.row is None:
            self._end_table()
            self.table = Base.metadata.tables.get(line.table)
            if self.table is None:
                raise CatalogError(f"this catalog has no table {str(line.table)[:40]!r}", remedy=ANOTHER)
            return
        if not line.row.keys() <= set(_known(self.table).columns.keys()):
            raise CatalogError(f"the table {line.table} has no such columns", remedy=ANOTHER)
        self.rows.append(self._separated(line.row))
        if len(self.rows) == BATCH:
            self._insert()

    def finish(self) -> None:
        self._end_table()
        if self.session.get_bind().dialect.name == "postgresql":
            for table in Base.metadata.sorted_tables:
                _follow_on(self.session, table)

    def _separated(self, row: dict[str, Any]) -> dict[str, Any]:
        table = _known(self.table)
        if "lease_until" in row and row["state"] == "leased":
            row = row | FREED
        column_names = _inward(table)
        if any(row.get(name) is not None for name in column_names):
            self.references.append(
                {f"new_{name}": row[name] for name in (*column_names, *table.primary_key.columns.keys())}
            )
        return row | dict.fromkeys(column_names)

    def _insert(self) -> None:
        if self.rows:
            self.session.execute(sa.insert(_known(self.table)), self.rows)
            self.rows.clear()

    def _end_table(self) -> None:
        if self.table is None:
            return
        self._insert()
        if self.references:
            keys = self.table.primary_key.columns
            values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in _inward(self.table)}
            conditions = [column == sa.bindparam(f"new_{column.name}") for column in keys]
            self.session.connection().execute(sa.update(self.table).where(*conditions).values(values), self.references)
            self.references.clear()


def _known(table: sa.Table | None) -> sa.Table:
    if table is None:
        raise CatalogError(UNREADABLE, remedy=ANOTHER)
    return table


def _inward(table: sa.Table) -> list[str]:
    """Columns that refer to rows of the same table."""
    return [key.parent.name for key in table.foreign_keys if key.column.table is table]


def _follow_on(session: Session, table: sa.Table) -> None:
    """Continue a table's numbering after the highest number that was assigned."""
    column = table.autoincrement_column
    if column is None:
        return
    sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
    highest_number = sa.select(sa.func.max(column)).scalar_subquery()
    session.execute(sa.select(sa.func.setval(sequence, highest_number)).where(sa.exists(sa.select(column))))
