"""The pipeline of one album: the order of its steps, and the inputs of each.

Steps are run by an :class:`~flows.pipeline.executor.Executor`: the Prefect flow does the work, while
:class:`~flows.pipeline.executor.CatalogLookup` only looks up whether it is done. So "is anything missing?" and "make
it" follow the same code and cannot disagree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from catalog.catalog import Catalog
from catalog.common.errors import SonglineError, about
from catalog.common.settings import Settings
from catalog.ledger.results import step_results
from catalog.plan.plan import PlannedAlbum, PlannedSong
from flows.pipeline.choosing.selector import SongSelector
from flows.pipeline.dataloader import DataLoader
from flows.pipeline.executor import Executor, NotRunYet
from flows.pipeline.finishing import SongFinisher
from flows.pipeline.progress import Progress
from flows.planning.rates import is_rate_open, with_rate
from tasks.delivery.package.release_request import FinishedTrack, SelectedTake, pack_request
from tasks.engines.registry import ENGINES, get_engine

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PipelineResult:
    """The result of an album: the key of its release (None where it was stopped before), and the failed songs."""

    release_key: str | None
    failures: Mapping[str, SonglineError]


FinishedSongs = tuple[list[FinishedTrack], dict[str, SonglineError]]


def has_common_gain(planned: PlannedAlbum) -> bool:
    """Whether all masters of the album get one gain."""
    return planned.album.mastering.mode == "album"


def needs_every_winner(planned: PlannedAlbum, until: str, settings: Settings) -> bool:
    """Whether the album's songs wait for each other on the way to the stage ``until``: with a common gain, or a rate
    that the winners decide, the first master needs the last winner; so does a choice of takes that fit together."""
    if until in ("score", "decide"):
        return False
    return planned.policy.album is not None or (
        until != "select" and (has_common_gain(planned) or is_rate_open(planned, settings))
    )


class AlbumPipeline:
    """The steps of one album, in order."""

    def __init__(
        self,
        catalog: Catalog,
        planned: PlannedAlbum,
        executor: Executor,
        progress: Progress,
        *,
        persist: bool = True,
        fits_album: bool = True,
    ) -> None:
        """``persist``: make decisions current; ``fits_album``: choose takes that fit together where the policy says
        so."""
        self._catalog = catalog
        self._planned = planned
        self._executor = executor
        self._progress = progress
        self._titles = {song.song.id: song.song.title for song in planned.songs}
        steps = DataLoader(lambda keys: step_results(catalog.database, keys))
        self._finisher = SongFinisher(planned, executor, progress, models=catalog.models, steps=steps)
        self._selector = SongSelector(catalog, planned, executor, progress, persist=persist, fits_album=fits_album)

    async def run(self, until: str = "release") -> PipelineResult:
        """Run everything up to and including the stage ``until``. The failure of one song never stops the others."""
        is_waiting = needs_every_winner(self._planned, until, self._catalog.settings)
        run_songs = self._run_stage_by_stage if is_waiting else self._run_song_by_song
        tracks, failures = await run_songs(until)
        if until != "release":
            return PipelineResult(None, failures)
        if not tracks or (failures and self._planned.album.release == "all"):
            return PipelineResult(None, failures)
        request = pack_request(self._planned, tracks, unused=self._unused_settings(tracks))
        await self._executor.step(request, f"pack · {self._planned.album.title}")
        return PipelineResult(request.key, failures)

    async def _run_song_by_song(self, until: str) -> FinishedSongs:
        """Run every song by itself: it is finished as soon as its candidates are rendered."""

        async def produce_song(planned: PlannedSong) -> FinishedTrack | None:
            take = await self._selector.select(planned, until)
            if take is None or until in ("decide", "select"):
                return None
            (winner,) = with_rate(self._planned, [take], self._catalog.settings)
            return await self._finish(winner, until)

        tracks, failures = await self._gather({song.song.id: produce_song(song) for song in self._planned.songs})
        return [track for track in tracks.values() if track], failures

    async def _finish(self, take: SelectedTake, until: str) -> FinishedTrack | None:
        """Run one winner, whose rate is known, to the stage ``until``, to its own target."""
        master = await self._finisher.master(take, None)
        return None if until == "master" else await self._finisher.deliver(master, None)

    async def _run_stage_by_stage(self, until: str) -> FinishedSongs:
        """Run the songs stage by stage: a common gain, and a rate that is left to the winners, need every winner; the
        album's loudness needs every master."""
        takes, failures = await self._gather(
            {song.song.id: self._selector.select(song, until) for song in self._planned.songs}
        )
        winners = [take for take in takes.values() if take]
        finish = self._finish_with_common_gain if has_common_gain(self._planned) else self._finish_each
        try:
            winners = await self._selector.fitted(winners)
            if until == "select":
                return [], failures
            winners = with_rate(self._planned, winners, self._catalog.settings)
            tracks, later_failures = await finish(winners, until)
        except NotRunYet as error:
            raise NotRunYet(error.songs, {**failures, **error.failures}) from error
        return tracks, {**failures, **later_failures}

    async def _finish_each(self, winners: Sequence[SelectedTake], until: str) -> FinishedSongs:
        """Run winners to the stage ``until``, each by itself."""
        tracks, failures = await self._gather({take.planned.song.id: self._finish(take, until) for take in winners})
        return [track for track in tracks.values() if track], failures

    async def _finish_with_common_gain(self, winners: Sequence[SelectedTake], until: str) -> FinishedSongs:
        """Run winners whose masters share one gain to the stage ``until``."""
        try:
            leader = await self._finisher.leader(winners)
        except SonglineError as error:
            failures = {winner.planned.song.id: self._with_title(winner.planned.song.id, error) for winner in winners}
            for song_id, failure in failures.items():
                self._progress.note(song_id, failed=str(failure))
            return [], failures
        masters, master_failures = await self._gather(
            {take.planned.song.id: self._finisher.master(take, leader) for take in winners}
        )
        if until == "master":
            return [], master_failures
        level = await self._finisher.album_level(list(masters.values()))
        tracks, delivery_failures = await self._gather(
            {song: self._finisher.deliver(master, level) for song, master in masters.items()}
        )
        return list(tracks.values()), {**master_failures, **delivery_failures}

    async def _gather(self, work: Mapping[str, Awaitable[T]]) -> tuple[dict[str, T], dict[str, SonglineError]]:
        outcomes = await asyncio.gather(*work.values(), return_exceptions=True)
        results: dict[str, T] = {}
        failures: dict[str, SonglineError] = {}
        missing_ids: set[str] = set()
        for song_id, outcome in zip(work, outcomes, strict=True):
            if isinstance(outcome, NotRunYet):
                missing_ids.add(song_id)
            elif isinstance(outcome, SonglineError):
                failures[song_id] = self._with_title(song_id, outcome)
                self._progress.note(song_id, failed=str(failures[song_id]))
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                results[song_id] = outcome
        if missing_ids:
            raise NotRunYet(missing_ids, failures)
        return results, failures

    def _unused_settings(self, tracks: Sequence[FinishedTrack]) -> dict[str, list[str]]:
        """The unused settings of each song for the engine of its winner, as sentences."""
        settings = self._catalog.settings
        return {track.song.id: list(_unused_fields(track, settings)) for track in tracks}

    def _with_title(self, song_id: str, error: SonglineError) -> SonglineError:
        """An error with the title of its song, which the inner steps do not know."""
        return about(error, self._titles[song_id], album=self._planned.album.id, song=song_id)


def _unused_fields(track: FinishedTrack, settings: Settings) -> Iterator[str]:
    """What the engine of a song does not use, of several the winner's, as sentences."""
    variants, winner = track.song.for_engines(), track.mastered.take.winner.recipe.engine
    for variant in variants:
        if variant.engine in ENGINES and (len(variants) == 1 or variant.engine == winner):
            yield from get_engine(variant.engine, settings).unused(variant).values()
