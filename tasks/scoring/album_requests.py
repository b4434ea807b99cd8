"""The request of the step ``choose``; planning builds it, so it loads nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog.ledger.work import StepRequest
from catalog.selection.album.settings import AlbumChoice
from tasks.steps.step_kinds import request

ScoreKeys = Mapping[str, Sequence[str]]
"""The keys of the scoring steps of each candidate, by its id."""


@dataclass(frozen=True, slots=True)
class DecidedSong:
    """A song with its own decision's step, and the scores of the candidates that it was made from."""

    id: str
    decision_key: str
    score_keys: ScoreKeys


def request_choice(settings: AlbumChoice, songs: Sequence[DecidedSong]) -> StepRequest:
    """Choose the takes of decided ``songs``, in the order of the album."""
    documents = [
        {
            "song": song.id,
            "decision": song.decision_key,
            "scores": {candidate: list(keys) for candidate, keys in song.score_keys.items()},
        }
        for song in songs
    ]
    return request("choose", {"album": settings.document(), "songs": documents})
