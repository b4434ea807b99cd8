"""Shared parts of all tables: naming of constraints, the database's clock, and the columns of leased work.

Documents are JSON, not PostgreSQL's JSONB: no SQL looks inside them, and JSON keeps them as they were written on both
databases, where JSONB sorts their keys, and rejects a NUL or a lone surrogate, which an error's message may contain.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import ColumnElement, Double, Float, Integer, MetaData, String, and_, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from db.bounds import LONGEST_LEASE_S, LONGEST_WAIT_S
from db.tables.documents import Document

DIGEST = String(64)
ID = String(200)


class Base(DeclarativeBase):
    """Declarative base; constraint names follow one convention so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        float: Double(),
        dict[str, Any]: Document(dict),
        list[Any]: Document(list),
    }


class database_now(FunctionElement[float]):
    """The database's clock in seconds since 1970, UTC, at the moment of the statement."""

    type = Float()
    inherit_cache = True
    name = "db_now"


@compiles(database_now, "sqlite")
def _sqlite_now(element: database_now, compiler: SQLCompiler, **_: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(database_now)
def _standard_now(element: database_now, compiler: SQLCompiler, **_: object) -> str:
    # clock_timestamp, not now(), which is constant in a transaction. Epoch is NUMERIC, which is not a float.
    return "CAST(extract(epoch from clock_timestamp()) AS DOUBLE PRECISION)"


class Leased:
    """The states of a piece of work: ``planned → leased(owner, until, fence) → finished | failed``.

    ``fence`` grows with every lease; a commit must present the fence that the row still has. Times are epoch seconds
    by the database's clock; ``due_at`` is the earliest time of the next attempt.
    """

    state: Mapped[str] = mapped_column(String(16), default="planned", index=True)
    owner: Mapped[str | None] = mapped_column(ID)
    lease_until: Mapped[float | None]
    fence: Mapped[int] = mapped_column(Integer, default=0)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    due_at: Mapped[float] = mapped_column(default=0.0)
    error: Mapped[dict[str, Any] | None]

    @classmethod
    def is_alive(cls) -> ColumnElement[bool]:
        """Whether a lease is unexpired; one that ends later than any lease can was written before the clock was set
        back, and counts as expired."""
        return and_(
            cls.state == "leased",
            cls.lease_until >= database_now(),
            cls.lease_until <= database_now() + LONGEST_LEASE_S,
        )

    @classmethod
    def has_run_out(cls) -> ColumnElement[bool]:
        """Whether work is leased but its lease has expired; see :meth:`is_alive`."""
        return and_(
            cls.state == "leased",
            or_(cls.lease_until < database_now(), cls.lease_until > database_now() + LONGEST_LEASE_S),
        )

    @classmethod
    def is_due(cls) -> ColumnElement[bool]:
        """Whether the next attempt may begin; a due time further away than any wait is ignored."""
        return or_(cls.due_at <= database_now(), cls.due_at > database_now() + LONGEST_WAIT_S)
