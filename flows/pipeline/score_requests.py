"""What an album's judges have still to hear, for all of its candidates at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from catalog.album.album import Song
from catalog.catalog import Catalog
from catalog.ledger.results import products_of
from catalog.ledger.submissions import is_settled
from catalog.ledger.work import StepRequest
from catalog.plan.plan import PlannedAlbum
from flows.planning.required_models import identities_of, judges_of, models_of_judges
from tasks.scoring.requests import request_judges

ScoreRequestsByKey = Mapping[str, StepRequest]
"""What judges are asked, by the step's key."""


class Judgements:
    """The steps of judges, which load models, that an album's songs wait for once their candidates are rendered."""

    def __init__(self, catalog: Catalog, planned: PlannedAlbum) -> None:
        self._catalog = catalog
        self._policy = planned.policy
        self._planned_with = planned.identities
        self._songs = planned.album.songs
        self._is_judged = bool(judges_of(planned.policy, planned.album.songs))
        self._sung: dict[str, list[Song]] = {}
        for song in planned.songs:
            for candidate in song.candidates:
                self._sung.setdefault(candidate.render_key, []).append(candidate.of(song.song))
        # By render and audio: one that is lost and made again may sound different.
        self._asked: dict[tuple[str, str], ScoreRequestsByKey] = {}

    def open(self, rendered: Collection[str]) -> dict[str, ScoreRequestsByKey]:
        """Of these renders, those that a judge has still to hear, with what it is asked; raises ModelMissing for a plan
        that does not tell which models are meant. As many questions to the catalog for any number of them."""
        if not self._is_judged or not rendered:
            return {}
        products = products_of(self._catalog.database, sorted(rendered))
        asked = {key: self._of(key, made["audio"]) for key, made in products.items() if "audio" in made}
        statuses = self._catalog.ledger.statuses("step", [step for each in asked.values() for step in each])
        left = {
            render: {step: request for step, request in each.items() if not is_settled(statuses.get(step))}
            for render, each in asked.items()
        }
        return {render: each for render, each in left.items() if each}

    def _of(self, render_key: str, audio: str) -> ScoreRequestsByKey:
        if (render_key, audio) not in self._asked:
            names = models_of_judges(self._policy, self._songs)
            identities = identities_of(names, self._catalog.models, planned=self._planned_with)
            self._asked[render_key, audio] = {
                request.key: request
                for song in self._sung[render_key]
                for request in request_judges(song, audio, policy=self._policy, identities=identities)
            }
        return self._asked[render_key, audio]
