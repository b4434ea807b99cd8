"""The missing scoring steps of an album's judges, for all of its candidates at once."""

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
"""Scoring steps by their keys."""


class ScoreRequests:
    """The steps of judges that load models, for which an album's songs wait once their candidates are rendered."""

    def __init__(self, catalog: Catalog, planned: PlannedAlbum) -> None:
        self._catalog = catalog
        self._policy = planned.policy
        self._identities = planned.identities
        self._songs = planned.album.songs
        self._has_judges = bool(judges_of(planned.policy, planned.album.songs))
        self._songs_by_render: dict[str, list[Song]] = {}
        for song in planned.songs:
            for candidate in song.candidates:
                self._songs_by_render.setdefault(candidate.render_key, []).append(candidate.of(song.song))
        # By render and audio: a render that is lost and made again may have other audio.
        self._requests: dict[tuple[str, str], ScoreRequestsByKey] = {}

    def missing_requests(self, rendered: Collection[str]) -> dict[str, ScoreRequestsByKey]:
        """Those of these renders whose scores by judges are missing, with the missing steps. Raises ModelMissing for a
        plan without the models' identities. The number of queries does not depend on the number of renders."""
        if not self._has_judges or not rendered:
            return {}
        products = products_of(self._catalog.database, sorted(rendered))
        requests_by_render = {
            key: self._of(key, outputs["audio"]) for key, outputs in products.items() if "audio" in outputs
        }
        statuses = self._catalog.ledger.statuses(
            "step", [step for requests in requests_by_render.values() for step in requests]
        )
        open_requests = {
            render: {step: request for step, request in requests.items() if not is_settled(statuses.get(step))}
            for render, requests in requests_by_render.items()
        }
        return {render: requests for render, requests in open_requests.items() if requests}

    def _of(self, render_key: str, audio: str) -> ScoreRequestsByKey:
        if (render_key, audio) not in self._requests:
            names = models_of_judges(self._policy, self._songs)
            identities = identities_of(names, self._catalog.models, planned=self._identities)
            self._requests[render_key, audio] = {
                request.key: request
                for song in self._songs_by_render[render_key]
                for request in request_judges(song, audio, policy=self._policy, identities=identities)
            }
        return self._requests[render_key, audio]
