"""The steps ``draw`` and ``encode`` as the ledger runs them."""

from __future__ import annotations

from catalog.common.digests import Json
from catalog.ledger.work import Product, StepOutcome
from tasks.acceptance.checks import examine_derivative
from tasks.audio.files import read_audio
from tasks.delivery.curves import draw_curves
from tasks.delivery.deliverables import DELIVERABLES, LOSSY
from tasks.delivery.encode import encode as encode_file
from tasks.delivery.tags.track_tags import TrackTags
from tasks.steps.run_step import StepContext


def draw(context: StepContext) -> StepOutcome:
    """Draw the waveform and loudness of a master."""
    return StepOutcome(draw_curves(read_audio(context.input("master"))).document())


def encode(context: StepContext) -> StepOutcome:
    """Encode one deliverable of a master and read it back; a lossy one is decoded and compared with its master.

    The dither's seed comes from the master's digest: same master, same file.
    """
    parameters, inputs = context.request.parameters, context.request.inputs
    kind, master = DELIVERABLES[parameters["deliverable"]], context.input("master")
    is_bare = parameters.get("wav_tags") == "none"
    deliverable = encode_file(
        kind.name,
        master,
        context.scratch / f"track{kind.suffix}",
        tags=None if is_bare else TrackTags.from_document(parameters["tags"]),
        cover=context.input("cover").read_bytes() if "cover" in inputs else None,
        dither_seed=int(inputs["master"][:8], 16),
    )
    findings = deliverable.findings
    if kind.name in LOSSY:
        findings += examine_derivative(deliverable.path, master, ceiling_dbtp=parameters["ceiling_dbtp"])
    result: dict[str, Json] = {
        "bytes": deliverable.path.stat().st_size,
        "findings": [finding.as_document() for finding in findings],
    }
    return StepOutcome(result, (Product("file", deliverable.path, kind.media_type, deliverable.sample_digest),))
