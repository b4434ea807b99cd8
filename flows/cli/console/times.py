"""Times in a song as users write them: ``1:05.5`` or ``65.5``."""

from __future__ import annotations

import re

from catalog.common.errors import InputError

_TIME = re.compile(r"(?:([0-9]{1,3}):)?([0-9]{1,4}(?:\.[0-9]{1,3})?)")


def seconds_of(text: str) -> float:
    """Seconds from ``1:05.5`` or ``65.5``. Raises InputError."""
    match = _TIME.fullmatch(text)
    if match is None or (match[1] is not None and float(match[2]) >= 60):
        raise InputError(f"{text!r} is not a time", remedy="Write it as in 0:45, 1:05.5 or 65.5")
    return 60 * int(match[1] or 0) + float(match[2])
