"""The requests of acceptance: which target a written file is examined against."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.album.mastering import MasteringSpec
from catalog.common.digests import Json
from catalog.ledger.results import StepResult
from catalog.ledger.work import StepRequest
from catalog.release.resampled import Resampled
from tasks.mastering.requests import MASTER_BITS
from tasks.steps.step_kinds import request


def request_acceptance(spec: MasteringSpec, master: StepResult, *, rate: int | None = None) -> StepRequest:
    """Examine a written master against its target; ``rate`` is the one it was resampled to in Hz, None where it has
    its source's."""
    asked_rate = rate or int(master.result["source_rate"])
    target = {
        "target_lufs": master.result["target_lufs"],
        "ceiling_dbtp": master.result["ceiling_dbtp"],
        "rate": asked_rate,
        "bits": MASTER_BITS,
        "channels": 2,
        "frames": _source_frames(master.result, asked_rate) - _cut(master, asked_rate),
        "loudness_may_be_under": spec.loudness_may_be_under,
        "trimmed": spec.trim,
    }
    return request("accept", {"target": target}, {"master": master.made["master"]})


def _source_frames(report: Mapping[str, Json], rate: int) -> int:
    """The source's length in frames of ``rate`` in Hz."""
    return Resampled(from_hz=int(report["source_rate"]), to_hz=rate).length(int(report["source_frames"]))


def _cut(master: StepResult, rate: int) -> int:
    """Frames that mastering cut off a song's ends, at ``rate`` in Hz."""
    ends = master.result["ends"]
    return round((float(ends["head_s"]) + float(ends["tail_s"])) * rate)


def request_version_acceptance(encoded: StepResult, master: StepResult) -> StepRequest:
    """Examine a written instrumental or a-cappella for format, length and ceiling; a part has no loudness target."""
    target = {
        "target_lufs": None,
        "ceiling_dbtp": master.result["ceiling_dbtp"],
        "rate": master.result["rate"],
        "bits": MASTER_BITS,
        "channels": 2,
        "frames": master.result["frames"],
        "part": True,
    }
    return request("accept", {"target": target}, {"master": encoded.made["master"]})
