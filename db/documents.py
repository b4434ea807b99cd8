"""JSON columns of SQLite as they are read back."""

from __future__ import annotations

import json
from typing import Any

from db.trouble import DatabaseDamaged


def read_document(text: str) -> Any:
    """The value of a JSON column. Raises DatabaseDamaged where it is none, as this code never writes one."""
    try:
        return json.loads(text)
    except (ValueError, TypeError) as error:
        raise DatabaseDamaged("a document in it is no JSON") from error
