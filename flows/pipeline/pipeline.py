"""The pipeline of one album: the order of its steps, and the inputs of each.

Steps are run by an :class:`~flows.pipeline.executor.Executor`: the Prefect flow does the work, while
:class:`~flows.pipeline.executor.CatalogLookup` only looks up whether it is done. So "is anything missing?" and "make
it" follow the same code and cannot disagree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from catalog.catalog import Catalog
from catalog.common.digests import Json
from catalog.common.errors import SonglineError, WorkError, about
from catalog.common.settings import Settings
from catalog.common.takes import pruned_error
from catalog.ledger.recording import ensure_current, newest_decisions
from catalog.ledger.results import StepResult, products_of, pruned_among, step_results
from catalog.plan.plan import Candidate, PlannedAlbum, PlannedSong
from catalog.selection.decide import NOTHING_SAID
from catalog.selection.stored_reviews import standing_reviews
from flows.pipeline.dataloader import DataLoader
from flows.pipeline.executor import Executor, NotRunYet
from flows.pipeline.finishing import SongFinisher
from flows.pipeline.progress import Progress
from flows.pipeline.scoring import Scorer, ScoreRequests, those_scored
from flows.planning.rates import is_rate_open, with_rate
from flows.planning.required_models import identities_of, models_of_judges
from tasks.delivery.package.release_request import FinishedTrack, SelectedTake, pack_request
from tasks.engines.registry import ENGINES, get_engine
from tasks.scoring.requests import request_scores, request_selection

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
    that the winners decide, the first master needs the last winner."""
    return until not in ("score", "select") and (has_common_gain(planned) or is_rate_open(planned, settings))


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
    ) -> None:
        self._catalog = catalog
        self._planned = planned
        self._executor = executor
        self._progress = progress
        self._persist = persist
        self._titles = {song.song.id: song.song.title for song in planned.songs}
        self._steps = DataLoader(lambda keys: step_results(catalog.database, keys))
        self._finisher = SongFinisher(planned, executor, progress, models=catalog.models, steps=self._steps)
        self._pruned = DataLoader(lambda digests: pruned_among(catalog.database, digests))
        self._products = DataLoader(lambda keys: products_of(catalog.database, keys))
        self._reviews = DataLoader(lambda songs: standing_reviews(catalog.database, [int(song) for song in songs]))
        self._decisions = DataLoader(lambda songs: newest_decisions(catalog.database, [int(song) for song in songs]))

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
            take = await self._select(planned, until)
            if take is None:
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
        takes, failures = await self._gather({song.song.id: self._select(song, until) for song in self._planned.songs})
        winners = with_rate(self._planned, [take for take in takes.values() if take], self._catalog.settings)
        finish = self._finish_with_common_gain if has_common_gain(self._planned) else self._finish_each
        try:
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

    @cached_property
    def _judge_identities(self) -> Mapping[str, Json]:
        """The identities of the models of all judges of the album, as planned. Raises ModelMissing."""
        names = models_of_judges(self._planned.policy, self._planned.album.songs)
        return identities_of(names, self._catalog.models, planned=self._planned.identities)

    async def _select(self, planned: PlannedSong, until: str) -> SelectedTake | None:
        song = planned.song
        await self._executor.render(planned)
        products = await self._products.load_many([candidate.render_key for candidate in planned.candidates])
        audio = {candidate.id: products[candidate.render_key] for candidate in planned.candidates}
        candidates = [candidate for candidate in planned.candidates if "audio" in audio[candidate.id]]
        if not candidates:
            raise self._all_failed_error(planned)
        pruned = await self._pruned.load_many([audio[candidate.id]["audio"] for candidate in candidates])
        policy, identities = self._planned.policy, self._judge_identities
        scores = [
            request_scores(candidate.of(song), audio[candidate.id]["audio"], policy=policy, identities=identities)
            for candidate in candidates
        ]
        pruned_ids = {candidate.id for candidate in candidates if audio[candidate.id]["audio"] in pruned}
        scorer = Scorer(self._executor, self._steps, song)
        outcomes = await scorer.score(candidates, scores, pruned=pruned_ids)
        self._progress.note(song.id, scored=outcomes.count(None))
        candidates, scores = those_scored(candidates, scores, outcomes)
        if until == "score":
            return None
        decision = await self._decide(planned, candidates, scores)
        winner = next((candidate for candidate in candidates if candidate.id == decision.result["winner"]), None)
        if winner is None:
            raise WorkError(
                f"{song.title}: {decision.result['sentence']}".rstrip("."),
                remedy="Add seeds, loosen the gates under `selection`, or set `if_none_passes: least_bad`",
                song=song.id,
            )
        self._progress.note(song.id, selected_seed=winner.seed, selected_name=winner.name(song))
        digest = audio[winner.id]["audio"]
        if until != "select" and digest in await self._pruned.load_many([digest]):
            raise pruned_error(winner.id, "mastered")
        return None if until == "select" else SelectedTake(planned, winner, audio[winner.id], decision)

    def _all_failed_error(self, planned: PlannedSong) -> WorkError:
        statuses = self._catalog.ledger.statuses("render", [candidate.render_key for candidate in planned.candidates])
        documents = [status.error or {} for status in statuses.values()]
        reasons = dict.fromkeys(str(document.get("error")) for document in documents)
        return WorkError(
            f"{planned.song.title}: every candidate failed: {'; '.join(reasons)}",
            remedy=str(documents[0].get("remedy") or "Correct the cause, then run `songline retry`"),
            song=planned.song.id,
        )

    async def _decide(
        self, planned: PlannedSong, scored: Sequence[Candidate], scores: Sequence[ScoreRequests]
    ) -> StepResult:
        reviews = await self._reviews.load_many([str(planned.row_id)])
        request = request_selection(
            planned.row_id,
            song=planned.song,
            policy=self._planned.policy,
            scored=[
                (candidate, [score_request.key for score_request in requests])
                for candidate, requests in zip(scored, scores, strict=True)
            ],
            failed=[candidate for candidate in planned.candidates if candidate not in scored],
            reviews=reviews.get(str(planned.row_id), NOTHING_SAID),
        )
        decision = await self._executor.step(request, f"select · {planned.song.title}")
        if self._persist:
            await self._ensure_current(planned.row_id, request.key)
        return decision

    async def _ensure_current(self, row_id: int, step_key: str) -> None:
        if (await self._decisions.load_many([str(row_id)])).get(str(row_id)) != step_key:
            ensure_current(self._catalog.database, row_id, step_key)


def _unused_fields(track: FinishedTrack, settings: Settings) -> Iterator[str]:
    """What the engine of a song does not use, of several the winner's, as sentences."""
    variants, winner = track.song.for_engines(), track.mastered.take.winner.recipe.engine
    for variant in variants:
        if variant.engine in ENGINES and (len(variants) == 1 or variant.engine == winner):
            yield from get_engine(variant.engine, settings).unused(variant).values()
