"""The treatment before the final level is set: cleaning, tone, effects, dynamics, ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.album.mastering import REFERENCE, MasteringSpec
from catalog.common.digests import Json
from tasks.audio.audio import Audio
from tasks.mastering.analysis.admission import check_input
from tasks.mastering.analysis.curves import Curve, named_curve
from tasks.mastering.analysis.reference import Reference
from tasks.mastering.analysis.report import Stage
from tasks.mastering.analysis.spectrum import third_octaves
from tasks.mastering.metered_audio import MeteredAudio
from tasks.mastering.processors.dynamics import WORKING_LUFS, compress
from tasks.mastering.processors.effects import echoed, reverberated
from tasks.mastering.processors.ends import Ends, find_ends
from tasks.mastering.processors.equaliser import HIGH_SHELVES_DB, brighten, clean, shelves
from tasks.mastering.processors.tone import correction, filtered
from tasks.mastering.stages import Stages

AUDIBLE_FROM_DB = 0.1
"""A smaller correction of tone is not worth a filter."""


@dataclass(frozen=True, slots=True)
class MasteringTarget:
    """The final level of a master: a target, or ``fixed_gain_db`` above its source, as for an album's songs."""

    target_lufs: float
    ceiling_dbtp: float
    fixed_gain_db: float | None = None

    def lufs_for(self, source_lufs: float) -> float:
        """The loudness in LUFS that the master of such a source should have."""
        return self.target_lufs if self.fixed_gain_db is None else source_lufs + self.fixed_gain_db


@dataclass(frozen=True, slots=True)
class Treated:
    """Treated audio, ready for its final level.

    ``audio`` has ``loudness_lufs``, near the working level, and ``measurement`` is its measurement, where that was
    kept; its source has ``source_lufs``. An album's gain is relative to the source's loudness, so that changes by the
    treatment do not shift songs against each other.
    """

    audio: Audio
    measurement: MeteredAudio | None
    loudness_lufs: float
    source_lufs: float
    ends: Ends
    stages: tuple[Stage, ...]
    notes: tuple[str, ...]


def target_of(
    spec: MasteringSpec, reference: Reference | None, *, fixed_gain_db: float | None = None
) -> MasteringTarget:
    """The target of a spec; the loudness is the reference's own where the spec says so.

    Raises ValueError where the spec names a reference and none is given, or the other way round.
    """
    if (spec.reference is None) != (reference is None):
        raise ValueError("a reference must be both named by the spec and given")
    target = reference.loudness_lufs if reference and spec.reference_loudness else spec.loudness_target_lufs
    return MasteringTarget(target, spec.ceiling_for(target), fixed_gain_db)


def treat(
    source: Audio,
    *,
    spec: MasteringSpec,
    target: MasteringTarget,
    reference: Reference | None = None,
    fade_out_s: float | None = None,
) -> Treated:
    """Bring a source to the working level, then clean, colour and compress it and set its ends.

    The result is stereo (2, frames) at the source's rate. Raises AudioRefused for audio that cannot be mastered.
    """
    run = apply_tone(source, spec=spec, reference=reference)
    mono = source.channels == 1
    del source
    if spec.compression.enabled and not spec.gain_only:
        settings = spec.compression.parameters() | {"working_lufs": WORKING_LUFS}
        run.stage("dynamics", settings, compress(run.audio, spec.compression, loudness_lufs=run.lufs))
    gain_db = target.lufs_for(run.source_lufs) - run.lufs
    ends = find_ends(run.audio, gain_db=gain_db, trim=spec.trim, fade=spec.fade, fade_out_s=fade_out_s)
    if ends != Ends():
        _end(run, ends)
    notes = ["mono input: written to both channels"] if mono else []
    return Treated(run.audio, run.measurement, run.lufs, run.source_lufs, ends, tuple(run.done), (*notes, *run.notes))


def _end(run: Stages, ends: Ends) -> None:
    audio, metered_audio = ends.applied(run.audio), run.measurement
    if metered_audio is not None:
        # with another start no block boundary matches the meter's units any more
        fades = {"fade_in": ends.fade_in, "fade_out": ends.fade_out}
        metered_audio = None if ends.head else metered_audio.with_other_ends(audio, **fades)
    run.stage("ends", ends.as_document(audio.rate), audio, metered_audio)


def apply_tone(
    source: Audio, *, spec: MasteringSpec, reference: Reference | None, companions: Sequence[Audio] = ()
) -> Stages:
    """The linear part of the chain: level, cleaning, then tone and effects, each at unchanged loudness.

    ``companions``, parts of the source, go through the very same filters and gains. Raises AudioRefused for audio that
    cannot be mastered.
    """
    run = Stages(check_input(source), companions)
    del source, companions
    run.to_working_level(WORKING_LUFS)
    run.linear("clean", {"highpass_hz": spec.highpass_hz}, lambda audio: clean(audio, spec.highpass_hz))
    _tone(run, spec, reference)
    if spec.preset == "bright":
        low, high = shelves(run.audio.rate)
        run.notes += [f"no shelf at {hz:.0f} Hz: the rate is too low" for hz in HIGH_SHELVES_DB if hz not in high]
        bands: dict[str, Json] = {f"shelf_{hz:.0f}_hz_db": gain for hz, gain in (low | high).items()}
        run.linear("shelves", {"preset": spec.preset} | bands, brighten, neutral=True)
    reverb, echo = spec.effects.reverb, spec.effects.echo
    if echo is not None:
        run.linear("echo", echo.model_dump(), lambda audio: echoed(audio, echo), neutral=True)
    if reverb is not None:
        run.linear("reverb", reverb.model_dump(), lambda audio: reverberated(audio, reverb), neutral=True)
    return run


def _tone(run: Stages, spec: MasteringSpec, reference: Reference | None) -> None:
    if spec.tone_curve == "none" or spec.tone_max_db == 0:
        return
    change = correction(third_octaves(run.audio), _curve(spec, reference), max_db=spec.tone_max_db, rate=run.audio.rate)
    if change is None:
        run.notes.append("tone left as it is: too little of the spectrum holds sound")
        return
    if change.most_db < AUDIBLE_FROM_DB:
        run.notes.append(f"tone left as it is: it lies within what is usual for {spec.tone_curve}")
        return
    parameters: dict[str, Json] = {
        "curve": spec.tone_curve,
        "max_db": spec.tone_max_db,
        "gains_db": change.as_document(),
    }
    run.linear("tone", parameters, lambda audio: filtered(audio, change), neutral=True)


def _curve(spec: MasteringSpec, reference: Reference | None) -> Curve:
    if spec.tone_curve == REFERENCE and reference is not None:
        return reference.curve
    return named_curve(spec.tone)
