"""Dates of files that are removed at some age, corrected where the clock was set back."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

AHEAD_S = 60.0
"""More than the clocks of one network differ; a file date further ahead is wrong."""


def settled_date(path: Path) -> float:
    """When a file was written (epoch seconds). A date in the future was set before the clock was set back: the file
    gets the current date, so that its age counts from now on instead of waiting until that date. Raises OSError."""
    written_at, now_s = path.stat().st_mtime, time.time()
    if written_at <= now_s + AHEAD_S:
        return written_at
    with suppress(OSError):  # another user's file keeps its date
        os.utime(path, (now_s, now_s))
    return now_s
