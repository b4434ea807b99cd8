"""The request for the stems of a winner."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.album.album import NATIVE_STEMS, Album, Song
from catalog.common.digests import Json
from catalog.ledger.work import StepRequest
from catalog.plan.plan import Candidate
from tasks.steps.step_kinds import request


def request_stems(
    album: Album, song: Song, candidate: Candidate, audio_digest: str, *, identities: Mapping[str, Json]
) -> StepRequest:
    """Separate a winner: by its engine (``native``), else by the separation model whose files ``identities`` identify.

    On work pools this is work of the CPU pool, one winner at a time, as part of finish-song.
    """
    if album.stems == NATIVE_STEMS:
        return request(
            "separate", {"model": NATIVE_STEMS, "recipe": candidate.recipe.document()}, {"audio": audio_digest}
        )
    parameters = {
        "model": album.stems,
        "identity": identities[album.stems],
        "two_stems": album.two_stems,
        "line_starts_s": [line.start_s for line in song.lyrics.sung] if song.lyrics.timed else [],
        **({"instrumental": True} if song.instrumental else {}),
    }
    return request("demix", parameters, {"audio": audio_digest})
