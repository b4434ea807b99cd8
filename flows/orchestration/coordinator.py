"""Coordinates one submitted album on work pools: finds missing work in the catalog and starts flow runs for it.

All durable state is in the catalog, so another coordinator can take over at any time. Two coordinators at once may
start a run twice, but no work is done twice, because it is leased. The coordinator works in short rounds: read the
state, start or release runs, return.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Literal

from catalog.catalog import Catalog
from catalog.common.errors import SonglineError
from catalog.common.text import counted
from catalog.ledger.submissions import BUDGET_SPENT, Submission, submission_of, transition
from catalog.plan.plan import PlannedAlbum
from catalog.recipe import Recipe
from flows.orchestration.finish_dispatcher import SongDispatcher
from flows.orchestration.render_dispatcher import MAX_RUNS_WITHOUT_PROGRESS, ShardDispatcher
from flows.orchestration.run_launcher import RunLauncher
from flows.pipeline.progress import Progress

Verdict = Literal["all settled", "paused", "not in charge"]


class AlbumCoordinator:
    """Brings every song of a submitted album to its end: selected, finished, or failed with a reason."""

    def __init__(
        self,
        catalog: Catalog,
        submission: Submission,
        planned: PlannedAlbum,
        *,
        dispatcher: RunLauncher,
        progress: Progress,
        expected_s: Callable[[Recipe], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalog = catalog
        self._album_id = planned.album.id
        self._attempt = submission.attempt
        self._progress = progress
        self._planned = planned
        self._shards = ShardDispatcher(catalog, planned, dispatcher, expected_s=expected_s, clock=clock)
        self._songs = SongDispatcher(catalog, planned, dispatcher, progress=progress, until=submission.request.until)

    @property
    def failures(self) -> Mapping[str, SonglineError]:
        """The errors of failed songs, by song id."""
        return self._songs.failures

    def round(self) -> Verdict | None:
        """Read the state and start the runs that can start now. Returns None until the album needs no further round."""
        status = submission_of(self._catalog.database, self._album_id)
        if status is None or status.attempt != self._attempt or status.state not in ("active", "paused"):
            return "not in charge"
        self._shards.cancel_inherited(status.request.priority)
        self._shards.refresh()
        self._count_rendered()
        is_paused = status.state == "paused"
        if not is_paused and self._shards.is_stuck:
            is_paused = self._pause(
                f"{MAX_RUNS_WITHOUT_PROGRESS} runs in a row ended without a render; read the logs of the GPU workers"
            )
        elif not is_paused and not self._shards.start_runs(status):
            remainder = f"{counted(len(self._shards.unrendered), 'render is', 'renders are')} left"
            is_paused = self._pause(
                f"{BUDGET_SPENT} {status.request.max_gpu_minutes:g} GPU minutes is spent; {remainder}"
            )
        if status.state == "paused" and not (status.reason or "").startswith(BUDGET_SPENT):
            self._songs.follow()  # paused by the user: start no new runs
        else:
            self._songs.start_runs(self._shards.missing, status)
            if self._songs.is_settled:
                return "all settled"
        return "paused" if is_paused and not self._shards.runs.assigned and not self._songs.runs.assigned else None

    def _count_rendered(self) -> None:
        for song in self._planned.songs:
            rendered_count = sum(candidate.render_key in self._shards.rendered for candidate in song.candidates)
            if (new_count := rendered_count - self._progress.songs[song.song.id].rendered) > 0:
                self._progress.note(song.song.id, rendered=new_count)

    def _pause(self, reason: str) -> bool:
        return transition(
            self._catalog.database,
            self._album_id,
            "paused",
            from_states=["active"],
            attempt=self._attempt,
            reason=reason,
        )
