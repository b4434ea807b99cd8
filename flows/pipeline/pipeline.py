"""The pipeline of one album: the order of its steps, and the inputs of each.

Steps are run by an :class:`~flows.pipeline.executor.Executor`: the Prefect flow does the work, while
:class:`~flows.pipeline.executor.CatalogLookup` only looks up whether it is done. So "is anything missing?" and "make
it" follow the same code and cannot disagree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from catalog.album.album import Song
from catalog.catalog import Catalog
from catalog.common.digests import Json
from catalog.common.errors import SonglineError, WorkError, about
from catalog.ledger.recording import ensure_current, newest_decisions
from catalog.ledger.results import StepResult, products_of
from catalog.ledger.work import StepRequest
from catalog.plan.plan import Candidate, PlannedAlbum, PlannedSong
from flows.pipeline.dataloader import DataLoader
from flows.pipeline.executor import Executor, NotRunYet
from flows.pipeline.finishing import SongFinisher
from flows.pipeline.progress import Progress
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


ScoreRequests = tuple[StepRequest, ...]
"""All scoring steps of one candidate."""


def _scored(
    candidates: Sequence[Candidate], asked: Sequence[ScoreRequests], outcomes: Sequence[BaseException | None]
) -> tuple[list[Candidate], list[ScoreRequests]]:
    """The candidates that could be scored, with their steps. Raises a scoring error where it is not a SonglineError,
    or where no candidate is left."""
    errors = [outcome for outcome in outcomes if outcome is not None]
    for error in errors:
        if not isinstance(error, SonglineError) or len(errors) == len(outcomes):
            raise error
    kept = [(c, r) for c, r, outcome in zip(candidates, asked, outcomes, strict=True) if outcome is None]
    return [c for c, _ in kept], [r for _, r in kept]


FinishedSongs = tuple[list[FinishedTrack], dict[str, SonglineError]]


def goes_in_step(planned: PlannedAlbum, until: str) -> bool:
    """Whether the album's songs wait for each other on the way to the stage ``until``: with a common gain, the first
    master needs the last winner."""
    return planned.album.mastering.mode == "album" and until not in ("score", "select")


class AlbumPipeline:
    """The steps of one album, in order."""

    def __init__(
        self, catalog: Catalog, planned: PlannedAlbum, executor: Executor, progress: Progress, *, storing: bool = True
    ) -> None:
        self._catalog = catalog
        self._planned = planned
        self._do = executor
        self._progress = progress
        self._storing = storing
        self._titles = {song.song.id: song.song.title for song in planned.songs}
        self._finishing = SongFinisher(planned, executor, progress, models=catalog.models)
        self._products = DataLoader(lambda keys: products_of(catalog.database, keys))
        self._newest = DataLoader(lambda songs: newest_decisions(catalog.database, [int(song) for song in songs]))

    async def run(self, until: str = "release") -> PipelineResult:
        """Run everything up to and including the stage ``until``. The failure of one song never stops the others."""
        way = self._in_step if goes_in_step(self._planned, until) else self._one_by_one
        finished, failures = await way(until)
        if until != "release":
            return PipelineResult(None, failures)
        if not finished or (failures and self._planned.album.release == "all"):
            return PipelineResult(None, failures)
        request = pack_request(self._planned, finished, unused=self._unused())
        await self._do.step(request, f"pack · {self._planned.album.title}")
        return PipelineResult(request.key, failures)

    async def _one_by_one(self, until: str) -> FinishedSongs:
        """Run every song by itself: it is finished as soon as its candidates are rendered."""

        async def through(planned: PlannedSong) -> FinishedTrack | None:
            chosen = await self._choose(planned, until)
            if chosen is None:
                return None
            mastered = await self._finishing.master(chosen, None)
            return None if until == "master" else await self._finishing.deliver(mastered, None)

        done, failures = await self._each({s.song.id: through(s) for s in self._planned.songs})
        return [song for song in done.values() if song], failures

    async def _in_step(self, until: str) -> FinishedSongs:
        """Run the songs stage by stage: the common gain needs every winner, the album's loudness every master."""
        chosen, failures = await self._each({s.song.id: self._choose(s, until) for s in self._planned.songs})
        winners = [each for each in chosen.values() if each]
        try:
            finished, more = await self._together(winners, until)
        except NotRunYet as missing:
            raise NotRunYet(missing.songs, {**failures, **missing.failures}) from missing
        return finished, {**failures, **more}

    async def _together(self, winners: Sequence[SelectedTake], until: str) -> FinishedSongs:
        """Run winners whose masters share one gain to the stage ``until``."""
        try:
            leader = await self._finishing.leader(winners)
        except SonglineError as error:
            waiting = {each.planned.song.id: self._about(each.planned.song.id, error) for each in winners}
            for song_id, named in waiting.items():
                self._progress.note(song_id, failed=str(named))
            return [], waiting
        mastered, more = await self._each({c.planned.song.id: self._finishing.master(c, leader) for c in winners})
        if until == "master":
            return [], more
        level = await self._finishing.album_level(list(mastered.values()))
        done, last = await self._each({song: self._finishing.deliver(m, level) for song, m in mastered.items()})
        return list(done.values()), {**more, **last}

    async def _each(self, work: Mapping[str, Awaitable[T]]) -> tuple[dict[str, T], dict[str, SonglineError]]:
        outcomes = await asyncio.gather(*work.values(), return_exceptions=True)
        done: dict[str, T] = {}
        failures: dict[str, SonglineError] = {}
        missing: set[str] = set()
        for song_id, outcome in zip(work, outcomes, strict=True):
            if isinstance(outcome, NotRunYet):
                missing.add(song_id)
            elif isinstance(outcome, SonglineError):
                failures[song_id] = self._about(song_id, outcome)
                self._progress.note(song_id, failed=str(failures[song_id]))
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                done[song_id] = outcome
        if missing:
            raise NotRunYet(missing, failures)
        return done, failures

    def _unused(self) -> dict[str, list[str]]:
        """The unused settings of each song for its engine, as sentences."""
        settings = self._catalog.settings
        songs = [planned.song for planned in self._planned.songs if planned.song.engine in ENGINES]
        return {song.id: list(get_engine(song.engine, settings).unused(song).values()) for song in songs}

    def _about(self, song_id: str, error: SonglineError) -> SonglineError:
        """An error with the title of its song, which the inner steps do not know."""
        return about(error, self._titles[song_id], album=self._planned.album.id, song=song_id)

    @cached_property
    def _judges_models(self) -> Mapping[str, Json]:
        """The identities of the models of all judges of the album, as planned. Raises ModelMissing."""
        wanted = models_of_judges(self._planned.policy, self._planned.album.songs)
        return identities_of(wanted, self._catalog.models, planned=self._planned.identities)

    async def _choose(self, planned: PlannedSong, until: str) -> SelectedTake | None:
        song = planned.song
        await self._do.render(planned)
        products = await self._products.of([c.render_key for c in planned.candidates])
        audio = {c.id: products[c.render_key] for c in planned.candidates}
        alive = [c for c in planned.candidates if "audio" in audio[c.id]]
        if not alive:
            raise self._all_failed(planned)
        policy, known = self._planned.policy, self._judges_models
        scores = [request_scores(c.of(song), audio[c.id]["audio"], policy=policy, identities=known) for c in alive]
        outcomes = await asyncio.gather(
            *(self._score(song, c, asked) for c, asked in zip(alive, scores, strict=True)), return_exceptions=True
        )
        alive, scores = _scored(alive, scores, outcomes)
        if until == "score":
            return None
        decision = await self._decide(planned, alive, scores)
        winner = next((c for c in alive if c.id == decision.result["winner"]), None)
        if winner is None:
            raise WorkError(
                f"{song.title}: {decision.result['sentence']}".rstrip("."),
                remedy="Add seeds, loosen the gates under `selection`, or set `if_none_passes: least_bad`",
                song=song.id,
            )
        self._progress.note(song.id, picked=winner.seed)
        return None if until == "select" else SelectedTake(planned, winner, audio[winner.id], decision)

    def _all_failed(self, planned: PlannedSong) -> WorkError:
        statuses = self._catalog.ledger.statuses("render", [c.render_key for c in planned.candidates])
        documents = [status.error or {} for status in statuses.values()]
        reasons = dict.fromkeys(str(document.get("error")) for document in documents)
        return WorkError(
            f"{planned.song.title}: every candidate failed: {'; '.join(reasons)}",
            remedy=str(documents[0].get("remedy") or "Mend the cause, then run `songline retry`"),
            song=planned.song.id,
        )

    async def _decide(
        self, planned: PlannedSong, alive: Sequence[Candidate], scores: Sequence[ScoreRequests]
    ) -> StepResult:
        request = request_selection(
            planned.row_id,
            song=planned.song,
            policy=self._planned.policy,
            scored=[(c, [each.key for each in asked]) for c, asked in zip(alive, scores, strict=True)],
            failed=[c for c in planned.candidates if c not in alive],
        )
        decision = await self._do.step(request, f"select · {planned.song.title}")
        if self._storing:
            await self._ensure_current(planned.row_id, request.key)
        return decision

    async def _ensure_current(self, row_id: int, step_key: str) -> None:
        if (await self._newest.of([str(row_id)])).get(str(row_id)) != step_key:
            ensure_current(self._catalog.database, row_id, step_key)

    async def _score(self, song: Song, candidate: Candidate, asked: ScoreRequests) -> None:
        await asyncio.gather(*(self._do.step(r, f"{r.kind} · {song.title} · seed {candidate.seed}") for r in asked))
        self._progress.note(song.id, scored=1)
