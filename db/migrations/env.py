"""Alembic's entry point: runs the migrations on the connection that :mod:`db.session` passes in."""

from alembic import context

from db.postgres import sort_by_bytes
from db.tables import album, provenance, release, selection, submission, training  # noqa: F401  (register their tables)
from db.tables.base import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
    if connection.dialect.name == "postgresql":
        sort_by_bytes(connection, Base.metadata.tables)
