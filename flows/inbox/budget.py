"""The GPU minutes of one scheduled run over the inbox: the budget, the minutes in use, and the estimate of an album."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from catalog.catalog import Catalog
from catalog.ledger.submissions import Submission, counted_since, is_settled, spent_s
from catalog.plan.plan import PlannedAlbum
from catalog.plan.storage import stored_plan
from catalog.recipe import Recipe
from flows.inbox.parameters import InboxParameters
from flows.inbox.time_windows import TimeWindow

DEFAULT_PERIOD = timedelta(hours=12)
"""The period of a budget without hours, so that a second run soon after the first does not get the budget again."""
HEADROOM = 1.25
"""An album is granted its forecast times this factor where the budget allows, as a tight limit may stop it early."""


@dataclass(frozen=True, slots=True)
class GpuEstimate:
    """Expected minutes of an album's missing renders in total, and of the shortest one."""

    minutes: float
    least_minutes: float


@dataclass(frozen=True, slots=True)
class InUse:
    """Minutes that albums of the inbox have used since the period began, and that active ones are expected to use."""

    spent: float = 0.0
    expected: float = 0.0

    @property
    def total(self) -> float:
        """Spent and expected minutes in total."""
        return self.spent + self.expected


def minutes_left(work: InboxParameters, window: TimeWindow | None, now: datetime, *, in_use: InUse) -> float | None:
    """The minutes that may still be granted; None where there is no limit.

    The limit is the budget, and at most the GPU time from ``now`` to the end of the hours.
    """
    bounds = [work.max_gpu_minutes - in_use.total] if work.max_gpu_minutes is not None else []
    if window is not None:
        # By timestamps, as the local clock may be changed in between.
        bounds.append(work.gpus * (window.end.timestamp() - now.timestamp()) / 60 - in_use.expected)
    return min(bounds, default=None)


def gpu_estimate(catalog: Catalog, planned: PlannedAlbum, expected_s: Callable[[Recipe], float]) -> GpuEstimate:
    """The estimate of an album's missing renders; a render that two of its songs share is counted once."""
    recipes = {candidate.render_key: candidate.recipe for song in planned.songs for candidate in song.candidates}
    statuses = catalog.ledger.statuses("render", list(recipes))
    missing_minutes = [expected_s(recipe) / 60 for key, recipe in recipes.items() if not is_settled(statuses.get(key))]
    return GpuEstimate(sum(missing_minutes), min(missing_minutes, default=0.0))


def minutes_in_use(
    catalog: Catalog, submissions: Sequence[Submission], expected_s: Callable[[Recipe], float], *, since: float
) -> InUse:
    """The minutes that these albums used and will use of a period that began at ``since`` (epoch seconds)."""
    spent_minutes = expected_minutes = 0.0
    for submission in submissions:
        counted_from = counted_since(catalog.database, submission)
        if submission.state != "active" and counted_from < since:
            continue
        planned = stored_plan(catalog.database, submission.request.album_id)
        keys = list({candidate.render_key for song in planned.songs for candidate in song.candidates})
        submission_minutes = spent_s(catalog.database, keys, since=counted_from) / 60
        spent_minutes += (
            submission_minutes if counted_from >= since else spent_s(catalog.database, keys, since=since) / 60
        )
        if submission.state == "active":
            bound = submission.request.max_gpu_minutes
            missing_minutes = gpu_estimate(catalog, planned, expected_s).minutes
            expected_minutes += (
                missing_minutes if bound is None else max(0.0, min(missing_minutes, bound - submission_minutes))
            )
    return InUse(spent_minutes, expected_minutes)


class GpuBudget:
    """The remaining minutes. Albums are served in order: once one could not be granted its forecast in full, later
    ones are granted only if they need no GPU time."""

    def __init__(self, minutes: float | None) -> None:
        self.remaining = None if minutes is None else max(0.0, minutes)

    def grant(self, estimate: GpuEstimate) -> float | None:
        """Minutes to submit an album with; None where it has no limit. Raises BudgetSpent where it must wait."""
        if self.remaining is None:
            return None
        if estimate.minutes > 0 and self.remaining < estimate.least_minutes:
            self.remaining = 0.0
            raise BudgetSpent
        minutes = min(self.remaining, estimate.minutes * HEADROOM)
        self.remaining = max(0.0, self.remaining - estimate.minutes)
        return minutes if estimate.minutes > 0 else None


class BudgetSpent(Exception):
    """Too little of the budget remains for even one of the album's renders."""
