"""The requests of acceptance: which target a written file is examined against."""

from __future__ import annotations

from catalog.album.mastering import MasteringSpec
from catalog.ledger.results import StepResult
from catalog.ledger.work import StepRequest
from tasks.mastering.requests import MASTER_BITS
from tasks.steps.step_kinds import request


def request_acceptance(spec: MasteringSpec, master: StepResult) -> StepRequest:
    """Examine a written master against its target."""
    target = {
        "target_lufs": master.result["target_lufs"],
        "ceiling_dbtp": master.result["ceiling_dbtp"],
        "rate": master.result["source_rate"],
        "bits": MASTER_BITS,
        "channels": 2,
        "frames": master.result["source_frames"] - _cut(master),
        "loudness_may_be_under": spec.loudness_may_be_under,
        "trimmed": spec.trim,
    }
    return request("accept", {"target": target}, {"master": master.made["master"]})


def _cut(master: StepResult) -> int:
    """Frames that mastering cut off a song's ends."""
    ends, rate = master.result["ends"], int(master.result["source_rate"])
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
