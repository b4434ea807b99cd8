"""Identifies a database: a catalog of a known revision, an empty database, or another program's."""

from __future__ import annotations

import re

import sqlalchemy as sa
from sqlalchemy import Connection

from db.errors import ForeignDatabase, SchemaUnknown
from db.tables.base import Base

REVISION = re.compile(r"[0-9]{4}")
OUR_TABLES = frozenset({"artifact", "render"})
"""Tables that every catalog has had since its first revision."""
NAMES_SHOWN = 3


def revision_of_ours(connection: Connection) -> str | None:
    """The revision of a catalog, None for an empty database.

    A SQLite file must contain the catalog only. A server's schema may contain other tables too (those of extensions,
    such as PostGIS's ``spatial_ref_sys``), as long as none has the name of one of Songline's. Raises ForeignDatabase
    where it has other tables of these names, or Songline's without a revision, SchemaUnknown for a revision that does
    not have Songline's form.
    """
    tables = set(sa.inspect(connection).get_table_names())
    if connection.dialect.name == "postgresql":
        from db.tables import album, provenance, release, selection, submission, training  # noqa: F401  (register them)

        tables &= {*Base.metadata.tables, "alembic_version"}
    other_tables = tuple(sorted(tables - {"alembic_version"}))[:NAMES_SHOWN]
    revisions = (
        [str(revision) for revision in connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars()]
        if "alembic_version" in tables
        else []
    )
    is_known = len(revisions) == 1 and REVISION.fullmatch(revisions[0]) and other_tables
    if revisions and not is_known:
        raise SchemaUnknown(", ".join(revisions))
    if other_tables and not (revisions and tables >= OUR_TABLES):
        raise ForeignDatabase(other_tables)
    return revisions[0] if revisions else None
