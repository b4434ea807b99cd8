"""Dispatches an album's missing work to the GPU pool in shards: renders, within the budget, and judges' scores."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping

from catalog.catalog import Catalog
from catalog.common.errors import WorkError
from catalog.common.text import first_of
from catalog.ledger.submissions import (
    Submission,
    declare_shard,
    is_settled,
    live_leases,
    set_shard_flow_run_id,
    shards_of_album,
)
from catalog.ledger.work import Lease, WorkKind
from catalog.plan.plan import PlannedAlbum
from catalog.recipe import Recipe
from flows.orchestration.budget import Budget, budget_of
from flows.orchestration.parameters import ShardParameters
from flows.orchestration.run_launcher import RunLauncher
from flows.orchestration.run_tracker import RunTracker
from flows.pipeline.score_requests import ScoreRequests, ScoreRequestsByKey
from flows.planning.shards import RenderShard, render_shards
from tasks.steps.environment import execution_environment

SPLIT_AFTER = 3
"""Runs that ended without finishing the same renders before their shard is halved, to isolate one that kills its
worker."""
FAIL_AFTER = 8
"""Runs that ended without finishing a single candidate before it fails permanently."""
MAX_RUNS_WITHOUT_PROGRESS = 20
"""Consecutive runs without a finished render before the workers, not the renders, are taken to be at fault."""
JUDGE_S = 5.0
"""Approximate seconds that a judge takes per candidate on a GPU. Used only to size shards, never for a budget."""


class ShardDispatcher:
    """Finds the missing candidates of an album and starts the runs that render and judge them.

    ``missing`` are the renders that songs wait for: the ``unrendered`` ones, and those that still lack the score of a
    judge that loads a model. Such judges therefore run on the GPU pool only, also for renders that existed before.
    """

    def __init__(
        self,
        catalog: Catalog,
        planned: PlannedAlbum,
        dispatcher: RunLauncher,
        *,
        expected_s: Callable[[Recipe], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalog = catalog
        self._planned = planned
        self._dispatcher = dispatcher
        recipes = {candidate.render_key: candidate.recipe for song in planned.songs for candidate in song.candidates}
        self._expected_s = {key: expected_s(recipe) for key, recipe in recipes.items()}
        self._ended_runs: Counter[frozenset[str]] = Counter()
        self._runs_without_progress = 0
        self._judgements = ScoreRequests(catalog, planned)
        self._missing_scores: Mapping[str, ScoreRequestsByKey] = {}
        self._missing_work = frozenset(recipes)
        self.missing = self.unrendered = frozenset(recipes)
        self.rendered: frozenset[str] = frozenset()
        settings = catalog.settings
        self.runs = RunTracker(
            dispatcher,
            starting_s=settings.starting_s,
            lease_s=settings.lease_s,
            is_active=self._is_in_progress,
            clock=clock,
        )
        for shard in shards_of_album(catalog.database, planned.album.id):
            if shard.flow_run_id:  # may have been started by another coordinator; the next look decides
                self.runs.assigned[shard.flow_run_id] = frozenset(shard.render_keys)
        self._inherited_runs = set(self.runs.assigned)

    def cancel_inherited(self, queue: str) -> None:
        """Cancel runs that a previous coordinator scheduled in a queue other than ``queue``.

        Prefect cannot move a run to another queue, so their work is dispatched anew. Runs that had ended before are
        ignored and do not count as failures: their renders may exist and need a judge for the first time.
        """
        statuses = self._dispatcher.statuses(self._inherited_runs)
        for run_id in self._inherited_runs:
            status = statuses.get(run_id)
            if status is None or status.state == "ended":
                del self.runs.assigned[run_id]
            elif status.state == "waiting" and status.queue != queue:
                self._dispatcher.cancel_scheduled(run_id, f"the album waits in the queue {queue} from now on")
                del self.runs.assigned[run_id]
        self._inherited_runs.clear()

    def refresh(self) -> None:
        """Update which candidates are rendered, and drop runs that ended."""
        statuses = self._catalog.ledger.statuses("render", sorted(self._expected_s))
        self.rendered = frozenset(key for key, status in statuses.items() if status.finished)
        self.unrendered = frozenset(key for key in self._expected_s if not is_settled(statuses.get(key)))
        self._missing_scores = self._judgements.missing_requests(self.rendered)
        self.missing = self.unrendered.union(self._missing_scores)
        work = self.unrendered.union(*self._missing_scores.values())
        if self._missing_work - work:
            self._runs_without_progress = 0
        self._missing_work = work
        for run_keys in self.runs.follow():
            if unfinished_keys := run_keys & self.missing:
                self._ended_runs[frozenset(unfinished_keys)] += 1
                self._runs_without_progress += 1

    @property
    def is_stuck(self) -> bool:
        """Whether so many runs ended without progress that further runs are pointless."""
        return self._runs_without_progress >= MAX_RUNS_WITHOUT_PROGRESS

    def start_runs(self, submission: Submission) -> bool:
        """Start runs for missing work that no run holds; False where the budget lets nothing begin.

        The budget covers renders only: every render is judged, as it would be useless without its score.
        """
        busy_keys = self.runs.busy
        assigned_keys = busy_keys & self.unrendered
        unassigned_keys = self.unrendered - assigned_keys
        budget = budget_of(self._catalog.database, submission, expected_s=self._expected_s, assigned=assigned_keys)
        judge_s = {key: JUDGE_S * len(requests) for key, requests in self._missing_scores.items()}
        for shard in self._split_shards(judge_s.keys() - busy_keys, judge_s):
            self._dispatch(shard, f"judge · {first_of(shard.titles)}", queue=submission.request.priority)
        for shard in budget.fit(self._split_shards(unassigned_keys, self._expected_s)):
            self._dispatch(shard, shard.sentence(), queue=submission.request.priority)
        return budget == Budget(None) or not unassigned_keys or bool(self.runs.assigned)

    def _split_shards(self, unassigned: Collection[str], expected_s: Mapping[str, float]) -> Iterator[RenderShard]:
        """Shards of the ``unassigned`` work. One that ended several runs is halved; a single such candidate
        fails."""
        if not unassigned:
            return
        shard_s = 60 * self._catalog.settings.shard_minutes
        for shard in render_shards(self._planned, unassigned, shard_s=shard_s, expected_s=expected_s):
            yield from self._split(shard)

    def _split(self, shard: RenderShard) -> Iterator[RenderShard]:
        attempts = self._ended_runs[frozenset(shard.render_keys)]
        if len(shard.render_keys) == 1 and attempts >= FAIL_AFTER:
            self._fail(shard.render_keys[0])
        elif len(shard.render_keys) > 1 and attempts >= SPLIT_AFTER:
            for half in shard.halves():
                yield from self._split(half)
        else:
            yield shard

    def _fail(self, key: str) -> None:
        """Fail a render, or the missing judges' steps of one that exists."""
        if score_requests := self._missing_scores.get(key):
            self._catalog.ledger.declare_steps(list(score_requests.values()))
            for step_key in score_requests:
                self._fail_work("step", step_key)
        else:
            self._fail_work("render", key)

    def _fail_work(self, work: WorkKind, key: str) -> None:
        lease = self._catalog.ledger.claim(work, key)
        if isinstance(lease, Lease):
            error = WorkError(
                f"{FAIL_AFTER} runs ended at this {work} alone without finishing it",
                remedy="Look for memory shortage in the workers' logs, then run `songline retry` and submit again",
                key=key,
            )
            self._catalog.ledger.fail(lease, error, seconds=0.0, execution=execution_environment())

    def _dispatch(self, shard: RenderShard, name: str, *, queue: str) -> None:
        database, album_id = self._catalog.database, self._planned.album.id
        row = declare_shard(database, album_id, shard.render_keys, forecast_s=shard.forecast_s)
        run_id = self._dispatcher.start(
            "render-shard",
            ShardParameters(album=album_id, shard=row.key),
            name=name,
            queue=queue,
            key=f"shard:{row.key}:{row.attempt}",
            album=album_id,
        )
        set_shard_flow_run_id(database, row.key, run_id, attempt=row.attempt)
        self.runs.assigned[run_id] = frozenset(shard.render_keys)

    def _is_in_progress(self, keys: frozenset[str]) -> bool:
        unfinished_keys = keys & self.missing
        step_keys = [step_key for key in unfinished_keys for step_key in self._missing_scores.get(key, ())]
        return not unfinished_keys or bool(live_leases(self._catalog.database, sorted(unfinished_keys), step_keys))
