"""JSON columns: reading a value of another type than this code writes counts as damage."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import JSON, Dialect
from sqlalchemy.types import TypeDecorator

from db.errors import DatabaseDamaged

KINDS: dict[type, str] = {dict: "object", list: "list"}


class Document(TypeDecorator[Any]):
    """A JSON column whose values all have one type, ``dict`` or ``list``; reading another type is damage."""

    impl = JSON
    cache_ok = True

    def __init__(self, kind: type) -> None:
        super().__init__(none_as_null=True)
        self.kind = kind

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """The value as it is read; None for NULL."""
        if value is not None and not isinstance(value, self.kind):
            raise DatabaseDamaged(f"a document in it is no {KINDS[self.kind]}")
        return value


def read_document(text: str) -> Any:
    """The value of a JSON column. Raises DatabaseDamaged for invalid JSON and for null, which this code never
    writes."""
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise DatabaseDamaged("a document in it is no JSON") from error
    if value is None:
        raise DatabaseDamaged("a document in it is null")
    return value
