"""Filling an empty catalog on PostgreSQL with the rows of many albums, which the server makes itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from db.session import Database

SONGS = 100
SEEDS = 10
ROWS = Path(__file__).with_name("million.sql")
HURRY = ("session_replication_role = replica", "statement_timeout = 0", "maintenance_work_mem = '256MB'")
"""Foreign keys are taken on trust while the rows come in."""
SECONDARY_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes i
WHERE schemaname = current_schema() AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)
"""


def fill(database: Database, albums: int) -> Iterator[str]:
    """Make the rows of that many albums; gives the name of each part when it is done."""
    counts = {"albums": albums, "songs": albums * SONGS, "candidates": albums * SONGS * SEEDS}
    with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        tell = connection.exec_driver_sql
        for setting in HURRY:
            tell(f"SET {setting}")
        indexes = connection.execute(sa.text(SECONDARY_INDEXES)).all()
        for name, _ in indexes:
            tell(f"DROP INDEX {name}")
        for name, statements in parts(counts):
            tell(statements)
            yield name
        for _, definition in indexes:
            tell(definition)
        yield "indexes"
        tell("VACUUM ANALYZE")
        yield "statistics"


def parts(counts: dict[str, int]) -> Iterator[tuple[str, str]]:
    """Name and SQL of each part of :data:`ROWS`, with its counts filled in."""
    for part in ROWS.read_text().split("\n\n")[1:]:
        head, _, statements = part.partition("\n")
        for name, count in counts.items():
            statements = statements.replace(f"{{{name}}}", str(count))
        yield head.removeprefix("-- "), statements
