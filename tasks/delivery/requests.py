"""The requests of delivery: the level of the album, curves of masters, and encoded files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog.common.digests import Json
from catalog.ledger.work import StepRequest
from tasks.delivery.deliverables import DELIVERABLES
from tasks.steps.step_kinds import request


def request_album_level(masters: Sequence[str]) -> StepRequest:
    """Measure an album's masters as one programme."""
    return request("album_level", {}, {f"{place:04d}": digest for place, digest in enumerate(masters, start=1)})


def request_drawing(master_digest: str) -> StepRequest:
    """Waveform and loudness curve of a master, for the listening page."""
    return request("draw", {}, {"master": master_digest})


def request_encoding(
    deliverable: str,
    master_digest: str,
    *,
    tags: Mapping[str, Json],
    cover_digest: str | None,
    ceiling_dbtp: float,
    wav_tags: str = "all",
) -> StepRequest:
    """One deliverable of a master, tagged, read back and, where it is lossy, measured against the ceiling.

    With ``wav_tags`` none a WAV gets neither tags nor cover: its file does not depend on them.
    """
    if wav_tags == "none" and DELIVERABLES[deliverable].suffix == ".wav":
        bare_parameters = {"deliverable": deliverable, "ceiling_dbtp": ceiling_dbtp, "wav_tags": "none"}
        return request("encode", bare_parameters, {"master": master_digest})
    inputs = {"master": master_digest} | ({"cover": cover_digest} if cover_digest else {})
    parameters = {"deliverable": deliverable, "tags": dict(tags), "ceiling_dbtp": ceiling_dbtp}
    return request("encode", parameters, inputs)
