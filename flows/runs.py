"""Flow runs that were asked for and have not ended, with what each was given."""

from __future__ import annotations

from collections.abc import Callable

from flows.dispatch import Dispatcher

STARTING_S = 180.0
"""A run that its worker took and that has not begun after this long has lost its worker."""
BEGIN_S = 45.0
"""A run that began has its first lease after this long, and one that lost its worker a lease of the past after one
lease's life more."""


class Runs:
    """The open runs of one kind. ``holds`` tells whether somebody works on what a run was given, or nothing is left."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        *,
        lease_s: float = 0.0,
        holds: Callable[[frozenset[str]], bool] = lambda _: True,
    ) -> None:
        self._dispatcher = dispatcher
        self._silent_s = BEGIN_S + lease_s
        self._holds = holds
        self.given: dict[str, frozenset[str]] = {}

    @property
    def busy(self) -> frozenset[str]:
        """All that is in a run's hands."""
        return frozenset[str]().union(*self.given.values())

    def follow(self) -> list[frozenset[str]]:
        """Let go of runs that ended or lost their worker; gives what they were given."""
        standings = self._dispatcher.standings(self.given) if self.given else {}
        gone: list[frozenset[str]] = []
        for run_id, given in list(self.given.items()):
            standing = standings.get(run_id)
            if standing is not None and standing.state != "ended":
                lost = self._lost(given, standing.state, standing.for_s)
                if lost is None:
                    continue
                self._dispatcher.give_up(run_id, lost)
            gone.append(self.given.pop(run_id))
        return gone

    def _lost(self, given: frozenset[str], state: str, for_s: float) -> str | None:
        """Why a run that has not ended never will, None where it may."""
        if state == "starting" and for_s > STARTING_S:
            return "its worker took it and never began"
        if state == "running" and for_s > self._silent_s and not self._holds(given):
            return "its work is nobody's any more: the worker is gone"
        return None
