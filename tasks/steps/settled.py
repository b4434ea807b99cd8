"""Wait for work that other processes have leased: a rule for the pause, and loops for threads and event loops."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from catalog.ledger.work import WorkStatus

LEAST_S = 0.2
"""Minimum pause between two attempts, however soon the ledger would allow the next."""

Statuses = Mapping[str, WorkStatus]


def pause_s(statuses: Statuses, *, most_s: float) -> float | None:
    """Seconds until another attempt makes sense, at most ``most_s``; None where all work is finished.

    Work that is leased elsewhere or due later is waited for.
    """
    waits = [status.wait_s for status in statuses.values() if status.state in ("planned", "leased")]
    return min(most_s, max(LEAST_S, min(waits))) if waits else None


def until_settled(attempt: Callable[[], Statuses], *, most_s: float = float("inf")) -> Statuses:
    """Call ``attempt`` until all work in its result is finished, with at most ``most_s`` seconds in between."""
    while (wait_s := pause_s(statuses := attempt(), most_s=most_s)) is not None:
        time.sleep(wait_s)
    return statuses


async def settled(attempt: Callable[[], Awaitable[Statuses]], *, most_s: float = float("inf")) -> Statuses:
    """:func:`until_settled` for an event loop."""
    while (wait_s := pause_s(statuses := await attempt(), most_s=most_s)) is not None:
        await asyncio.sleep(wait_s)
    return statuses
