"""Dispatches songs to runs of ``finish-song`` as their candidates come in: selection, mastering, deliverables."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from catalog.catalog import Catalog
from catalog.common.digests import digest_value
from catalog.common.errors import SonglineError, WorkError
from catalog.common.text import first_of
from catalog.ledger.results import StepResult
from catalog.ledger.submissions import Submission
from catalog.ledger.work import StepRequest
from catalog.plan.plan import PlannedAlbum
from catalog.plan.storage import part_of
from flows.orchestration.parameters import SongParameters
from flows.orchestration.run_launcher import RunLauncher
from flows.orchestration.run_tracker import RunTracker
from flows.pipeline.executor import CatalogLookup, NotRunYet
from flows.pipeline.pipeline import AlbumPipeline, needs_every_winner
from flows.pipeline.progress import Progress
from tasks.steps.run_step import raise_if_failed

RUNS = 4
"""Concurrent runs for the songs of one album; further songs wait and then share runs."""
SONGS_A_RUN = 50
TRIES = 5


class CatalogLookupWithFailures(CatalogLookup):
    """Looks up whether a step is done; a step that failed permanently raises its error, as running it would."""

    async def step(self, request: StepRequest, sentence: str) -> StepResult:
        """See :class:`flows.pipeline.pipeline.Executor`."""
        try:
            return await super().step(request, sentence)
        except NotRunYet:
            for status in self.catalog.ledger.statuses("step", [request.key]).values():
                raise_if_failed(status, request.key)
            raise


class SongDispatcher:
    """Takes an album's songs through one stage, or through two where the album's gain or rate needs every winner
    first."""

    def __init__(
        self, catalog: Catalog, planned: PlannedAlbum, dispatcher: RunLauncher, *, progress: Progress, until: str
    ) -> None:
        self._catalog = catalog
        self._planned = planned
        self._dispatcher = dispatcher
        self._progress = progress
        last_stage = "finish" if until == "release" else until
        self._stepwise = needs_every_winner(planned, last_stage, catalog.settings)
        decided = "decide" if planned.policy.album else "select"
        self._stages = [decided, last_stage] if self._stepwise else [last_stage]
        self._open = {song.song.id: song for song in planned.songs}
        self._titles = {song.song.id: song.song.title for song in planned.songs}
        self._looked_up: set[str] = set()
        self._tries: Counter[str] = Counter()
        self.runs = RunTracker(dispatcher, starting_s=catalog.settings.starting_s)
        self.failures: dict[str, SonglineError] = {}

    @property
    def is_settled(self) -> bool:
        """Whether every song has finished or failed."""
        return not self._open and len(self._stages) == 1

    @property
    def _is_one_run(self) -> bool:
        """Whether all songs go through the current stage in one run, because their common gain or rate is found
        there."""
        return self._stepwise and len(self._stages) == 1

    def follow(self) -> None:
        """Update the songs whose runs ended."""
        for song_ids in self.runs.follow():
            self._look_up(sorted(song_ids))

    def start_runs(self, missing: Collection[str], submission: Submission) -> None:
        """Start the runs that can start now; ``missing`` are the renders that songs must wait for."""
        self.follow()
        self._start_ready_songs(missing, submission)
        if not self._open and len(self._stages) > 1:
            self._stages.pop(0)
            self._open = {song.song.id: song for song in self._planned.songs if song.song.id not in self.failures}
            self._looked_up.clear()
            self._tries.clear()
            self._start_ready_songs(missing, submission)

    def _start_ready_songs(self, missing: Collection[str], submission: Submission) -> None:
        busy_ids = self.runs.busy
        waiting_songs = [song for song in self._open.values() if song.song.id not in busy_ids]
        ready_ids = [
            waiting_song.song.id
            for waiting_song in waiting_songs
            if not any(candidate.render_key in missing for candidate in waiting_song.candidates)
        ]
        if new_ids := [song_id for song_id in ready_ids if song_id not in self._looked_up]:
            self._looked_up.update(new_ids)
            self._look_up(new_ids)  # finished work needs no run
        ready_ids = [song_id for song_id in ready_ids if song_id in self._open]
        while ready_ids and len(self.runs.assigned) < RUNS:
            share = -(-len(ready_ids) // (RUNS - len(self.runs.assigned)))
            count = len(ready_ids) if self._is_one_run else min(SONGS_A_RUN, share)
            self._start(ready_ids[:count], submission)
            ready_ids = ready_ids[count:]

    def _start(self, songs: Sequence[str], submission: Submission) -> None:
        stage, album_id = self._stages[0], self._planned.album.id
        title = first_of([self._titles[song_id] for song_id in songs])
        key_document = {"songs": list(songs), "stage": stage, "attempt": submission.attempt}
        tries = 1 + max(self._tries[song_id] for song_id in songs)
        run_id = self._dispatcher.start(
            "finish-song",
            SongParameters(album=album_id, songs=tuple(songs), until=stage),
            name=f"{stage} · {title}",
            queue=submission.request.priority,
            key=f"songs:{digest_value('songs/v1', {'album': album_id, **key_document})}:{tries}",
            album=album_id,
        )
        self._tries.update(songs)
        self.runs.assigned[run_id] = frozenset(songs)

    def _look_up(self, songs: Sequence[str]) -> None:
        """Record the songs that reached the end of the stage, or cannot get further."""
        part = part_of(self._planned, songs=songs)
        progress = Progress(part.songs)
        pipeline = AlbumPipeline(self._catalog, part, CatalogLookupWithFailures(self._catalog), progress, persist=False)
        waiting_ids: Collection[str] = ()
        try:
            failures = asyncio.run(pipeline.run(self._stages[0])).failures
        except NotRunYet as error:
            waiting_ids = songs if self._is_one_run else error.songs
            failures = {} if self._is_one_run else error.failures
        errors_of_abandoned = {
            song_id: _gave_up_error(song_id, self._titles[song_id])
            for song_id in waiting_ids
            if self._tries[song_id] >= TRIES
        }
        settled_ids = [song_id for song_id in songs if song_id not in waiting_ids or song_id in errors_of_abandoned]
        self._settle(settled_ids, progress, {**failures, **errors_of_abandoned})

    def _settle(self, songs: Sequence[str], progress: Progress, failures: Mapping[str, SonglineError]) -> None:
        self.failures.update(failures)
        for song_id in songs:
            del self._open[song_id]
            # The lookup of finished work does not count renders.
            rendered_count = self._progress.songs[song_id].rendered
            self._progress.replace_song(song_id, replace(progress.songs[song_id], rendered=rendered_count))
            if song_id in failures:
                self._progress.note(song_id, failed=str(failures[song_id]))


def _gave_up_error(song_id: str, title: str) -> WorkError:
    return WorkError(
        f"{title}: {TRIES} runs for it ended before it was done",
        remedy="Read their logs in the Prefect UI, then submit the album again",
        song=song_id,
    )
