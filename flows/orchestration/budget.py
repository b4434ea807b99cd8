"""The remaining GPU minutes of an album."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from catalog.ledger.submissions import Submission, counted_since, spent_s
from db.session import Database
from flows.planning.shards import RenderShard


@dataclass(frozen=True, slots=True)
class Budget:
    """Seconds that may still be committed to new runs; None where the album has no limit."""

    remaining_s: float | None

    def fit(self, shards: Iterable[RenderShard]) -> Iterator[RenderShard]:
        """The shards that fit the budget, in order; the last one is cut to the renders that still fit."""
        remaining_s = self.remaining_s
        for shard in shards:
            if remaining_s is None:
                yield shard
                continue
            part = shard.up_to(remaining_s)
            if part is not None:
                yield part
                remaining_s -= part.forecast_s


def budget_of(
    database: Database, submission: Submission, *, expected_s: Mapping[str, float], assigned: Collection[str]
) -> Budget:
    """The album's budget less the time spent since it was set and the expected time of the renders ``assigned`` of
    runs.

    ``expected_s`` is the expected duration of each render of the album in seconds, by its key.
    """
    minutes = submission.request.max_gpu_minutes
    if minutes is None:
        return Budget(None)
    spent_render_s = spent_s(database, list(expected_s), since=counted_since(database, submission))
    return Budget(60 * minutes - spent_render_s - sum(expected_s[key] for key in assigned))
