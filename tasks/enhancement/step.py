"""The step ``enhance`` as the ledger runs it."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.common.digests import Json
from catalog.common.errors import WorkError
from catalog.ledger.work import Product, StepOutcome
from catalog.selection.metrics import Measured, Reading
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio, sample_digest, write_wav
from tasks.audio.metering.loudness import integrated_lufs
from tasks.audio.metering.true_peak import true_peak_dbtp
from tasks.enhancement.base import Bounds, Enhancer
from tasks.enhancement.contract import Clause, examine, require
from tasks.enhancement.registry import enhancer
from tasks.scoring.measures.spectrum import spectral_readings
from tasks.steps.run_step import StepContext


@dataclass(frozen=True, slots=True)
class Enhanced:
    """A member's result, its guarantees, and how each clause of the contract was kept."""

    audio: Audio
    bounds: Bounds
    clauses: tuple[Clause, ...]


def enhance(context: StepContext) -> StepOutcome:
    """The winner enhanced, as float WAV, with the contract's clauses and the readings before and after.

    Raises WorkError where the member broke its contract; nothing of its work is kept then.
    """
    parameters = context.request.parameters
    member = enhancer(parameters["member"])
    if parameters["revision"] != member.revision:
        problem = f"{member.name} is asked for in revision {parameters['revision']}, this is revision {member.revision}"
        raise WorkError(problem, remedy="Run the album again, so that it is planned with this version of Songline")
    source = read_audio(context.input("audio"))
    enhancement = enhanced_by(member, source)
    path = context.scratch / "audio.wav"
    write_wav(path, enhancement.audio, subtype="FLOAT")
    return StepOutcome(
        _document(member, source, enhancement), (Product("audio", path, "audio/wav", sample_digest(enhancement.audio)),)
    )


def enhanced_by(member: Enhancer, source: Audio) -> Enhanced:
    """The result of ``member`` for ``source``. Raises WorkError for a broken contract, AudioRefused as it does."""
    bounds = member.bounds(source.rate)
    audio = member.enhance(source)
    clauses = examine(source, audio, bounds=bounds)
    require(clauses, member=member.name)
    return Enhanced(audio, bounds, clauses)


def _document(member: Enhancer, source: Audio, enhanced: Enhanced) -> dict[str, Json]:
    generated_hz = enhanced.bounds.generated_hz
    return {
        "member": member.name,
        "revision": member.revision,
        "kept_hz": [enhanced.bounds.kept_from_hz, enhanced.bounds.cutoff_hz],
        "generated_hz": list(generated_hz) if generated_hz else None,
        "null_db": next(clause.value for clause in enhanced.clauses if clause.name == "null"),
        "contract": [clause.as_document() for clause in enhanced.clauses],
        "before": _readings(source),
        "after": _readings(enhanced.audio),
    }


def _readings(audio: Audio) -> dict[str, Json]:
    """Loudness, true peak and bandwidth, null where one cannot be measured."""
    return {
        "integrated_lufs": _number(integrated_lufs(audio)),
        "true_peak_dbtp": _number(true_peak_dbtp(audio)),
        "bandwidth_hz": _number(spectral_readings(audio).bandwidth_hz),
    }


def _number(reading: Reading) -> float | None:
    return round(reading.value, 3) if isinstance(reading, Measured) else None
