"""JSON columns as they are read back: a value of another kind than this code writes is damage."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import JSON, Dialect
from sqlalchemy.types import TypeDecorator

from db.errors import DatabaseDamaged

KINDS: dict[type, str] = {dict: "object", list: "list"}


class Document(TypeDecorator[Any]):
    """A JSON column whose values are all of one kind, ``dict`` or ``list``; another that is read is damage."""

    impl = JSON
    cache_ok = True

    def __init__(self, kind: type) -> None:
        super().__init__(none_as_null=True)
        self.kind = kind

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """The value as it is read; None is that of a column without one."""
        if value is not None and not isinstance(value, self.kind):
            raise DatabaseDamaged(f"a document in it is no {KINDS[self.kind]}")
        return value


def read_document(text: str) -> Any:
    """The value of a JSON column. Raises DatabaseDamaged where it is none, or null, as this code never writes one."""
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise DatabaseDamaged("a document in it is no JSON") from error
    if value is None:
        raise DatabaseDamaged("a document in it is null")
    return value
