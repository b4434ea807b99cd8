"""The request of the enhancement stage."""

from __future__ import annotations

from catalog.ledger.work import StepRequest
from tasks.enhancement.names import ENHANCERS
from tasks.steps.step_kinds import request


def request_enhancement(member: str, audio_digest: str) -> StepRequest:
    """Process a winner with one member of the enhancement stage."""
    return request("enhance", {"member": member, "revision": ENHANCERS[member]}, {"audio": audio_digest})
