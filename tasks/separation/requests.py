"""The requests for the stems of a winner, and for the same at the rate of its release."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.album.album import NATIVE_STEMS, Album, Song
from catalog.common.digests import Json
from catalog.ledger.results import StepResult
from catalog.ledger.work import StepRequest
from catalog.plan.plan import Candidate
from tasks.steps.step_kinds import request

MIX, STEM = "mix", "stem/"
"""The role of the mix in the step ``resample``, and what the roles of the stems begin with."""


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


def request_resampled(mix_digest: str, separated: StepResult, *, rate: int) -> StepRequest:
    """The mix and its stems, in the order in which they were separated, at another rate in Hz."""
    stems = [name for name in separated.result.get("stems", separated.made) if name in separated.made]
    inputs = {STEM + name: separated.made[name] for name in stems}
    return request("resample", {"rate": rate, "stems": stems}, {MIX: mix_digest, **inputs})
