"""Keeping the logs of services that run for months within bounds."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MAX_BYTES = 20_000_000
KEPT = 3
"""Older pieces beside a service's log, each at most MAX_BYTES long."""


def bound_logs(folder: Path, *, max_bytes: int = MAX_BYTES) -> list[str]:
    """Put away the end of each log that grew beyond ``max_bytes`` and begin it anew; gives the names of those.

    A service goes on writing into its open file, so that is copied and emptied and not moved: it appends, and what it
    writes between the two is lost.
    """
    return [log.stem for log in sorted(folder.glob("*.log")) if _bound(log, max_bytes)]


def _bound(log: Path, max_bytes: int) -> bool:
    if log.stat().st_size <= max_bytes:
        return False
    for number in range(KEPT, 1, -1):
        older = _piece(log, number - 1)
        if older.exists():
            os.replace(older, _piece(log, number))
    with log.open("rb+") as whole, _piece(log, 1).open("wb") as piece:
        whole.seek(-max_bytes, os.SEEK_END)
        shutil.copyfileobj(whole, piece)
        whole.truncate(0)
    return True


def _piece(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
