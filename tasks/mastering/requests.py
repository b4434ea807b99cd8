"""The requests of mastering: the level of a winner, its master, and versions of a master.

``rate`` is given, in Hz, only where a winner is resampled: the keys of all other steps stay what they were.
"""

from __future__ import annotations

from catalog.album.mastering import MasteringSpec
from catalog.common.digests import Json
from catalog.ledger.results import StepResult
from catalog.ledger.work import StepRequest
from tasks.steps.step_kinds import request

MASTER_BITS = 24


def request_level(
    spec: MasteringSpec, audio_digest: str, reference: str | None, *, rate: int | None = None
) -> StepRequest:
    """Measure the loudness of a winner after treatment, for the album's common gain."""
    reference_digest = reference if spec.gain_only or spec.reference_loudness else None
    parameters = {"mastering": spec.level_parameters(), **_resampled(rate)}
    return request("level", parameters, _beside(audio_digest, reference_digest))


def request_master(
    spec: MasteringSpec,
    audio_digest: str,
    *,
    fixed_gain_db: float | None,
    fade_out_s: float | None,
    reference: str | None,
    rate: int | None = None,
) -> StepRequest:
    """Master a winner: to the target, or with the album's common gain."""
    parameters = {
        "mastering": spec.parameters(),
        "fixed_gain_db": fixed_gain_db,
        "fade_out_s": fade_out_s,
        **_resampled(rate),
    }
    return request("master", parameters, _beside(audio_digest, reference))


def request_version(
    name: str,
    spec: MasteringSpec,
    master: StepResult,
    *,
    audio: str,
    vocals: str,
    reference: str | None,
    rate: int | None = None,
) -> StepRequest:
    """The master without its voice, or the voice alone, at the master's own gain."""
    parameters = {
        "version": name,
        "mastering": spec.parameters(),
        "gain_db": master.result["gain_db"],
        "ends": master.result["ends"],
        **_resampled(rate),
    }
    return request("version", parameters, _beside(audio, reference) | {"vocals": vocals})


def _resampled(rate: int | None) -> dict[str, Json]:
    return {} if rate is None else {"rate": rate}


def _beside(audio: str, reference: str | None) -> dict[str, str]:
    return {"audio": audio} | ({"reference": reference} if reference else {})
