"""The steps ``draw`` and ``encode`` as the ledger runs them."""

from __future__ import annotations

from catalog.work import Outcome, Product
from tasks.audio.files import read_audio
from tasks.delivery.curves import draw_curves
from tasks.delivery.deliverables import DELIVERABLES
from tasks.delivery.encode import encode as encode_file
from tasks.delivery.track_tags import TrackTags
from tasks.steps import StepContext


def draw(context: StepContext) -> Outcome:
    """Waveform and loudness of a master."""
    return Outcome(draw_curves(read_audio(context.input("master"))).document())


def encode(context: StepContext) -> Outcome:
    """One deliverable of a master. The dither's seed comes from the master's digest: same master, same file."""
    parameters, inputs = context.request.parameters, context.request.inputs
    kind = DELIVERABLES[parameters["deliverable"]]
    path = encode_file(
        kind.name,
        context.input("master"),
        context.scratch / f"track{kind.suffix}",
        tags=TrackTags.from_document(parameters["tags"]),
        cover=context.input("cover").read_bytes() if "cover" in inputs else None,
        dither_seed=int(inputs["master"][:8], 16),
    )
    return Outcome({"bytes": path.stat().st_size}, (Product("file", path, kind.media_type),))
