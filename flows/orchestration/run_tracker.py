"""Tracks flow runs that were started and have not ended, with the items assigned to each."""

from __future__ import annotations

import time
from collections.abc import Callable

from flows.orchestration.run_launcher import RunLauncher, RunStatus

BEGIN_S = 45.0
"""Seconds beyond a lease's life that a run may hold no lease: while it starts, and between two parts of its work."""


class RunTracker:
    """Tracks the open flow runs of one kind.

    ``is_active`` returns whether an item assigned to a run is in progress, or all are done. A run that its worker has
    taken but that has not begun after ``starting_s`` has lost its worker.
    """

    def __init__(
        self,
        dispatcher: RunLauncher,
        *,
        starting_s: float,
        lease_s: float = 0.0,
        is_active: Callable[[frozenset[str]], bool] = lambda _: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dispatcher = dispatcher
        self._starting_s = starting_s
        self._silence_limit_s = BEGIN_S + lease_s
        self._is_active = is_active
        self._clock = clock
        self._last_active_s: dict[str, float] = {}
        self.assigned: dict[str, frozenset[str]] = {}

    @property
    def busy(self) -> frozenset[str]:
        """All items assigned to open runs."""
        return frozenset[str]().union(*self.assigned.values())

    def follow(self) -> list[frozenset[str]]:
        """Drop runs that ended or lost their worker; returns the items that were assigned to each."""
        statuses = self._dispatcher.statuses(self.assigned) if self.assigned else {}
        ended_items: list[frozenset[str]] = []
        for run_id in list(self.assigned):
            status = statuses.get(run_id)
            loss_reason = None
            if status is not None and status.state != "ended":
                loss_reason = self._loss_reason(run_id, status)
                if loss_reason is None:
                    continue
            ended_items.append(self.assigned.pop(run_id))
            self._last_active_s.pop(run_id, None)
            if loss_reason:
                self._dispatcher.mark_crashed(run_id, loss_reason)
        return ended_items

    def _loss_reason(self, run_id: str, status: RunStatus) -> str | None:
        """The reason why a run that has not ended never will, or None. Uses this machine's clock only."""
        now = self._clock()
        if status.state == "waiting" or (status.state == "running" and self._is_active(self.assigned[run_id])):
            self._last_active_s[run_id] = now
        silent_s = now - self._last_active_s.setdefault(run_id, now)
        if status.state == "starting" and silent_s > self._starting_s:
            return "its worker took it and never started it"
        if status.state == "running" and silent_s > self._silence_limit_s:
            return "no worker holds its work any more"
        return None
