"""The steps ``level``, ``master`` and ``version`` as the ledger runs them."""

from __future__ import annotations

from catalog.album.mastering import REFERENCE, MasteringSpec
from catalog.ledger.work import Product, StepOutcome
from tasks.audio.files import read_audio
from tasks.mastering.album import song_level
from tasks.mastering.analysis.reference import Reference, reference_from
from tasks.mastering.chain import master_file
from tasks.mastering.versions import Mastered, version_file
from tasks.steps.run_step import StepContext


def level(context: StepContext) -> StepOutcome:
    """The loudness of a winner, and the gain that it allows, before any common gain."""
    spec = MasteringSpec.from_level_parameters(context.request.parameters["mastering"])
    reference = _reference(context, spec)
    audio, rate = read_audio(context.input("audio")), context.request.parameters.get("rate")
    song_measurement = song_level(audio, spec=spec, reference=reference, rate=rate)
    return StepOutcome(song_measurement.as_document())


def master(context: StepContext) -> StepOutcome:
    """The 24-bit master of a winner, and the report of how it was made."""
    parameters = context.request.parameters
    spec, reference = _settings(context)
    destination = context.scratch / "master.wav"
    report = master_file(
        read_audio(context.input("audio")),
        destination,
        spec=spec,
        reference=reference,
        fixed_gain_db=parameters["fixed_gain_db"],
        fade_out_s=parameters["fade_out_s"],
        rate=parameters.get("rate"),
    )
    product = Product("master", destination, "audio/wav", report.sample_digest)
    return StepOutcome(report.as_document(), (product,))


def version(context: StepContext) -> StepOutcome:
    """The instrumental or the a-cappella of a master, with its gain, filters and ends."""
    parameters = context.request.parameters
    spec, reference = _settings(context)
    destination = context.scratch / "version.wav"
    report = version_file(
        read_audio(context.input("audio")),
        read_audio(context.input("vocals")),
        destination,
        version=parameters["version"],
        spec=spec,
        mastered=Mastered(parameters["gain_db"], parameters["ends"]),
        reference=reference,
        rate=parameters.get("rate"),
    )
    product = Product("master", destination, "audio/wav", report.sample_digest)
    return StepOutcome(report.as_document(), (product,))


def _settings(context: StepContext) -> tuple[MasteringSpec, Reference | None]:
    spec = MasteringSpec.from_parameters(context.request.parameters["mastering"])
    return spec, _reference(context, spec)


def _reference(context: StepContext, spec: MasteringSpec) -> Reference | None:
    return reference_from(context.input(REFERENCE)) if spec.reference is not None else None
