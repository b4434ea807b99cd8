"""Waiting for what a farm under fire comes to."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import psycopg

PATIENCE_S = 600.0
"""How long anything is waited for; a busy machine takes a multiple of what an idle one takes."""


def wait_until(is_so: Callable[[], bool], what: str, *, within_s: float = PATIENCE_S) -> None:
    """Look until something is so; services that are away for a moment are asked again."""
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        with suppress(psycopg.OperationalError):
            if is_so():
                return
        time.sleep(0.2)
    raise AssertionError(f"waited {within_s:.0f} s in vain for {what}")
