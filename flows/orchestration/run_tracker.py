"""Tracks flow runs that were started and have not ended, with the items assigned to each."""

from __future__ import annotations

import time
from collections.abc import Callable

from flows.orchestration.run_launcher import RunLauncher, RunStatus

BEGIN_S = 45.0
"""Seconds beyond a lease's life that a run may hold no lease: while it starts, and between two parts of its work."""


class RunTracker:
    """Tracks the open flow runs of one kind.

    ``holds`` returns whether an item assigned to a run is in progress, or all are done. A run that its worker has
    taken but that has not begun after ``starting_s`` has lost its worker.
    """

    def __init__(
        self,
        dispatcher: RunLauncher,
        *,
        starting_s: float,
        lease_s: float = 0.0,
        holds: Callable[[frozenset[str]], bool] = lambda _: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dispatcher = dispatcher
        self._starting_s = starting_s
        self._silent_s = BEGIN_S + lease_s
        self._holds = holds
        self._clock = clock
        self._well_at: dict[str, float] = {}
        self.given: dict[str, frozenset[str]] = {}

    @property
    def busy(self) -> frozenset[str]:
        """All items assigned to open runs."""
        return frozenset[str]().union(*self.given.values())

    def follow(self) -> list[frozenset[str]]:
        """Drop runs that ended or lost their worker; returns the items that were assigned to each."""
        statuses = self._dispatcher.statuses(self.given) if self.given else {}
        ended_items: list[frozenset[str]] = []
        for run_id in list(self.given):
            status = statuses.get(run_id)
            loss_reason = None
            if status is not None and status.state != "ended":
                loss_reason = self._lost(run_id, status)
                if loss_reason is None:
                    continue
            ended_items.append(self.given.pop(run_id))
            self._well_at.pop(run_id, None)
            if loss_reason:
                self._dispatcher.mark_crashed(run_id, loss_reason)
        return ended_items

    def _lost(self, run_id: str, status: RunStatus) -> str | None:
        """The reason why a run that has not ended never will, or None. Uses this machine's clock only."""
        now = self._clock()
        if status.state == "waiting" or (status.state == "running" and self._holds(self.given[run_id])):
            self._well_at[run_id] = now
        silent_s = now - self._well_at.setdefault(run_id, now)
        if status.state == "starting" and silent_s > self._starting_s:
            return "its worker took it and never began"
        if status.state == "running" and silent_s > self._silent_s:
            return "its work is nobody's any more: the worker is gone"
        return None
