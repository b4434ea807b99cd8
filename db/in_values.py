"""Tests a column against many values, passed as one parameter.

``IN`` with a parameter for each value is a different statement for every count of values, and writing and binding
thousands takes longer than finding their rows.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator, TypeEngine


def in_values(column: InstrumentedAttribute[Any], values: Collection[object]) -> sa.ColumnElement[bool]:
    """Whether ``column`` is one of ``values``, for any number of them, using an index where there is one."""
    return _InValues(column, sa.bindparam(None, list(values), type_=_ValueList(column.type), unique=True))


class _ValueList(TypeDecorator[list[Any]]):
    """Values as an array on PostgreSQL, as JSON on SQLite."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """See TypeDecorator."""
        is_server = dialect.name == "postgresql"
        return dialect.type_descriptor(postgresql.ARRAY(self.item) if is_server else sa.Text())

    def process_bind_param(self, value: list[Any] | None, dialect: Dialect) -> Any:
        """See TypeDecorator."""
        return value if dialect.name == "postgresql" else json.dumps(value)


class _InValues(FunctionElement[bool]):
    type = sa.Boolean()
    inherit_cache = True
    name = "among"

    def self_group(self, against: OperatorType | None = None) -> Self:
        """Returns itself: the ``= 1`` that SQLAlchemy adds for databases without booleans would keep SQLite off the
        index."""
        return self


@compiles(_InValues, "sqlite")
def _in_json(element: _InValues, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"


@compiles(_InValues, "postgresql")
def _in_array(element: _InValues, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY ({values})"
