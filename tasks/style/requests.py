"""The requests of the step that makes a style vector; light enough for reading a manifest."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.common.digests import Json
from catalog.ledger.work import StepRequest
from tasks.steps.step_kinds import request


def embed_text(text: str, model: Mapping[str, Json]) -> StepRequest:
    """The style vector of a text, by the model of that identity."""
    return request("embed", {"text": text, "model": dict(model)})


def embed_audio(audio_digest: str, model: Mapping[str, Json]) -> StepRequest:
    """The style vector of a reference, by the model of that identity."""
    return request("embed", {"model": dict(model)}, {"audio": audio_digest})
