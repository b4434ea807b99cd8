"""The dates of files that are removed at some age, where the clock may have been set back since."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

AHEAD_S = 60.0
"""A date further ahead than clocks of one network differ."""


def settled_date(path: Path) -> float:
    """When a file was written (epoch seconds). A date to come is from before the clock was set back: the file gets
    today's, so that its age counts from now on instead of standing still until that day. Raises OSError."""
    dated, now = path.stat().st_mtime, time.time()
    if dated <= now + AHEAD_S:
        return dated
    with suppress(OSError):  # another user's file keeps its date
        os.utime(path, (now, now))
    return now
