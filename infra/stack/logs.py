"""Limits the size of the logs of services that run for months."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MAX_BYTES = 20_000_000
KEPT = 3
"""Number of older pieces kept of a service's log, each at most MAX_BYTES long."""


def bound_logs(folder: Path, *, max_bytes: int = MAX_BYTES) -> list[str]:
    """Keep the end of each log larger than ``max_bytes`` in a separate file and empty the log; returns the names of
    those.

    A service keeps its log open for appending, so the log is copied and truncated, not moved; output between the two
    steps is lost.
    """
    return [log.stem for log in sorted(folder.glob("*.log")) if _bound(log, max_bytes)]


def _bound(log: Path, max_bytes: int) -> bool:
    if log.stat().st_size <= max_bytes:
        return False
    for number in range(KEPT, 1, -1):
        piece_path = _piece(log, number - 1)
        if piece_path.exists():
            os.replace(piece_path, _piece(log, number))
    with log.open("rb+") as log_file, _piece(log, 1).open("wb") as piece_file:
        log_file.seek(-max_bytes, os.SEEK_END)
        shutil.copyfileobj(log_file, piece_file)
        log_file.truncate(0)
    return True


def _piece(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
