"""Selecting: from the rendered takes of a song to its winner, and to the takes of an album that fit together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import cached_property

from catalog.catalog import Catalog
from catalog.common.digests import Json
from catalog.common.errors import WorkError
from catalog.common.takes import pruned_error
from catalog.ledger.recording import ensure_current, newest_decisions
from catalog.ledger.results import StepResult, products_of, pruned_among, step_results
from catalog.plan.plan import Candidate, PlannedAlbum, PlannedSong
from catalog.selection.decide import NOTHING_SAID
from catalog.selection.stored_reviews import standing_reviews
from flows.pipeline.choosing.scoring import Scorer, ScoreRequests, those_scored
from flows.pipeline.dataloader import DataLoader
from flows.pipeline.executor import Executor
from flows.pipeline.progress import Progress
from flows.planning.required_models import identities_of, models_of_judges
from tasks.delivery.package.release_request import SelectedTake
from tasks.scoring.album_requests import DecidedSong, request_choice
from tasks.scoring.requests import request_scores, request_selection

Scored = tuple[Sequence[Candidate], Sequence[ScoreRequests]]
"""The scored candidates of a song, with their steps."""


class SongSelector:
    """Selects the winners of one album. ``persist``: their decisions become current; ``fits_album``: choose takes that
    fit together, where the policy says so."""

    def __init__(
        self,
        catalog: Catalog,
        planned: PlannedAlbum,
        executor: Executor,
        progress: Progress,
        *,
        persist: bool,
        fits_album: bool,
    ) -> None:
        self._catalog = catalog
        self._planned = planned
        self._executor = executor
        self._progress = progress
        self._persist = persist
        self._album_choice = planned.policy.album if fits_album else None
        self._scored: dict[str, Scored] = {}
        self._steps = DataLoader(lambda keys: step_results(catalog.database, keys))
        self._pruned = DataLoader(lambda digests: pruned_among(catalog.database, digests))
        self._products = DataLoader(lambda keys: products_of(catalog.database, keys))
        self._reviews = DataLoader(lambda songs: standing_reviews(catalog.database, [int(song) for song in songs]))
        self._decisions = DataLoader(lambda songs: newest_decisions(catalog.database, [int(song) for song in songs]))

    @cached_property
    def _judge_identities(self) -> Mapping[str, Json]:
        """The identities of the models of all judges of the album, as planned. Raises ModelMissing."""
        names = models_of_judges(self._planned.policy, self._planned.album.songs)
        return identities_of(names, self._catalog.models, planned=self._planned.identities)

    async def select(self, planned: PlannedSong, until: str) -> SelectedTake | None:
        """The winner of a song by itself; None where only its scores are asked for. Raises WorkError without one."""
        song = planned.song
        await self._executor.render(planned)
        products = await self._products.load_many([candidate.render_key for candidate in planned.candidates])
        audio = {candidate.id: products[candidate.render_key] for candidate in planned.candidates}
        candidates = [candidate for candidate in planned.candidates if "audio" in audio[candidate.id]]
        if not candidates:
            raise self._all_failed_error(planned)
        policy, identities = self._planned.policy, self._judge_identities
        scores = [
            request_scores(candidate.of(song), audio[candidate.id]["audio"], policy=policy, identities=identities)
            for candidate in candidates
        ]
        pruned = await self._pruned.load_many([audio[candidate.id]["audio"] for candidate in candidates])
        pruned_ids = {candidate.id for candidate in candidates if audio[candidate.id]["audio"] in pruned}
        outcomes = await Scorer(self._executor, self._steps, song).score(candidates, scores, pruned=pruned_ids)
        self._progress.note(song.id, scored=outcomes.count(None))
        candidates, scores = those_scored(candidates, scores, outcomes)
        if until == "score":
            return None
        self._scored[song.id] = (candidates, scores)
        decision = await self._decide(planned)
        winner = next((candidate for candidate in candidates if candidate.id == decision.result["winner"]), None)
        if winner is None:
            await self._ensure_current(planned.row_id, decision.key)
            raise WorkError(
                f"{song.title}: {decision.result['sentence']}".rstrip("."),
                remedy="Add seeds, loosen the gates under `selection`, or set `if_none_passes: least_bad`",
                song=song.id,
            )
        if self._album_choice is None:
            await self._ensure_current(planned.row_id, decision.key)
        self._progress.note(song.id, selected_seed=winner.seed, selected_name=winner.name(song))
        if self._album_choice is None and until not in ("decide", "select") and winner.id in pruned_ids:
            raise pruned_error(winner.id, "mastered")
        return SelectedTake(planned, winner, audio[winner.id], decision)

    async def _refit(self, take: SelectedTake, change: Mapping[str, Json] | None) -> SelectedTake:
        """A take, or the one that the album's choice puts in its place; its decision is current afterwards."""
        planned, decision = take.planned, take.decision
        if change is None:
            await self._ensure_current(planned.row_id, decision.key)
            return take
        decision = await self._decide(planned, change)
        await self._ensure_current(planned.row_id, decision.key)
        winner = next(candidate for candidate in planned.candidates if candidate.id == change["winner"])
        self._progress.note(planned.song.id, selected_seed=winner.seed, selected_name=winner.name(planned.song))
        products = await self._products.load_many([winner.render_key])
        return SelectedTake(planned, winner, products[winner.render_key], decision)

    def _all_failed_error(self, planned: PlannedSong) -> WorkError:
        statuses = self._catalog.ledger.statuses("render", [candidate.render_key for candidate in planned.candidates])
        documents = [status.error or {} for status in statuses.values()]
        reasons = dict.fromkeys(str(document.get("error")) for document in documents)
        return WorkError(
            f"{planned.song.title}: every candidate failed: {'; '.join(reasons)}",
            remedy=str(documents[0].get("remedy") or "Correct the cause, then run `songline retry`"),
            song=planned.song.id,
        )

    async def _decide(self, planned: PlannedSong, album: Mapping[str, Json] | None = None) -> StepResult:
        scored, scores = self._scored[planned.song.id]
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
            album=album,
        )
        return await self._executor.step(request, f"select · {planned.song.title}")

    async def _ensure_current(self, row_id: int, step_key: str) -> None:
        if self._persist and (await self._decisions.load_many([str(row_id)])).get(str(row_id)) != step_key:
            ensure_current(self._catalog.database, row_id, step_key)

    async def fitted(self, takes: Sequence[SelectedTake]) -> list[SelectedTake]:
        """The takes of all songs, those that fit together where the policy says so; their decisions become current."""
        if self._album_choice is None or not takes:
            return list(takes)
        songs = [DecidedSong(take.planned.song.id, take.decision.key, self._score_keys(take)) for take in takes]
        request = request_choice(self._album_choice, songs)
        chosen = (await self._executor.step(request, f"choose · {self._planned.album.title}")).result
        changes = {
            change["song"]: {
                "winner": change["after"],
                "sentence": change["sentence"],
                "album_sentence": chosen["sentence"],
                "step_key": request.key,
            }
            for change in chosen["changes"]
        }
        return list(await asyncio.gather(*(self._refit(take, changes.get(take.planned.song.id)) for take in takes)))

    def _score_keys(self, take: SelectedTake) -> dict[str, list[str]]:
        candidates, scores = self._scored[take.planned.song.id]
        return {
            candidate.id: [request.key for request in requests]
            for candidate, requests in zip(candidates, scores, strict=True)
        }
