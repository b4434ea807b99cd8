"""The steps ``level`` and ``master`` as the ledger runs them."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.digests import Json
from catalog.mastering import MasteringSpec
from catalog.work import Outcome, Product
from tasks.audio.files import read_audio, sample_digest
from tasks.mastering.album import treated_loudness
from tasks.mastering.chain import master_file
from tasks.steps import StepContext


def level(context: StepContext) -> Outcome:
    """How loud a winner is after treatment, before any common gain."""
    audio = read_audio(context.input("audio"))
    spec = _spec(context.request.parameters["mastering"])
    return Outcome({"loudness_lufs": treated_loudness(audio, spec=spec)})


def master(context: StepContext) -> Outcome:
    """The 24-bit master of a winner, and the report of how it was made."""
    parameters = context.request.parameters
    destination = context.scratch / "master.wav"
    report = master_file(
        read_audio(context.input("audio")),
        destination,
        spec=_spec(parameters["mastering"]),
        fixed_gain_db=parameters["fixed_gain_db"],
    )
    product = Product("master", destination, "audio/wav", sample_digest(read_audio(destination)))
    return Outcome(report.as_document(), (product,))


def _spec(parameters: Mapping[str, Json]) -> MasteringSpec:
    return MasteringSpec.model_validate({k: v for k, v in parameters.items() if k != "chain_revision"})
