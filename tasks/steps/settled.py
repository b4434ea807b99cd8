"""Waiting for work that others are at: one rule for how long, and a loop around it, for threads and for event loops."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from catalog.ledger.work import WorkStatus

LEAST_S = 0.2
"""Between two tries, however soon the ledger would allow the next."""

Statuses = Mapping[str, WorkStatus]


def pause_s(statuses: Statuses, *, most_s: float) -> float | None:
    """Seconds until another try makes sense: what is leased elsewhere or due later is waited for. None where all work
    came to its end."""
    waits = [status.wait_s for status in statuses.values() if status.state in ("planned", "leased")]
    return min(most_s, max(LEAST_S, min(waits))) if waits else None


def until_settled(attempt: Callable[[], Statuses], *, most_s: float = float("inf")) -> Statuses:
    """Call ``attempt`` until nothing is left to do of what it gives, with at most ``most_s`` seconds in between."""
    while (wait_s := pause_s(statuses := attempt(), most_s=most_s)) is not None:
        time.sleep(wait_s)
    return statuses


async def settled(attempt: Callable[[], Awaitable[Statuses]], *, most_s: float = float("inf")) -> Statuses:
    """:func:`until_settled` for an event loop."""
    while (wait_s := pause_s(statuses := await attempt(), most_s=most_s)) is not None:
        await asyncio.sleep(wait_s)
    return statuses
