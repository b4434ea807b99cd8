"""A master without its voice, or the voice alone: with the filters, the gain and the length of the master."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from catalog.album.mastering import MasteringSpec
from catalog.common.digests import Json
from catalog.common.errors import AudioRefused
from catalog.files.whole_file import written_beside
from catalog.release.resampled import Resampled
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio, sample_digest, write_wav
from tasks.audio.metering.loudness import integrated_lufs
from tasks.audio.metering.true_peak import true_peak_dbtp
from tasks.mastering.analysis.admission import admitted_at, check_input, loudness_or_refusal, lufs_or_refusal
from tasks.mastering.analysis.reference import Reference
from tasks.mastering.analysis.report import number
from tasks.mastering.colour import apply_tone, target_of
from tasks.mastering.finalise import MARGIN_DB, ROUNDS, SLACK_DB, peak_16x_dbtp
from tasks.mastering.processors.ends import Ends
from tasks.mastering.processors.limiter import Limiter
from tasks.mastering.processors.offset import without_offset
from tasks.mastering.stages import amplified

Version = Literal["instrumental", "acapella"]


@dataclass(frozen=True, slots=True)
class VersionReport:
    """What was done, and the readings of the written file; ``limiting_db`` is the reduction of the highest peak.

    ``sample_digest`` identifies the written audio; it is not part of the document.
    """

    version: Version
    gain_db: float
    limiting_db: float
    ceiling_dbtp: float
    integrated_lufs: float | None
    true_peak_dbtp: float | None
    frames: int
    sample_digest: str
    resampled: Resampled | None = None

    def as_document(self) -> dict[str, Json]:
        """Plain JSON."""
        return {
            "version": self.version,
            "gain_db": self.gain_db,
            "limiting_db": self.limiting_db,
            "ceiling_dbtp": self.ceiling_dbtp,
            "integrated_lufs": self.integrated_lufs,
            "true_peak_dbtp": self.true_peak_dbtp,
            "frames": self.frames,
            **({"resampled": self.resampled.model_dump()} if self.resampled else {}),
        }


@dataclass(frozen=True, slots=True)
class Mastered:
    """The part of a master's report that its versions need: the gain over its source, and its ends in seconds."""

    gain_db: float
    ends: dict[str, float]


def version_file(
    mix: Audio,
    vocals: Audio,
    destination: Path,
    *,
    version: Version,
    spec: MasteringSpec,
    mastered: Mastered,
    reference: Reference | None = None,
    rate: int | None = None,
) -> VersionReport:
    """Write one version of a master as a 24-bit WAV of its length; ``rate`` is that of the master in Hz, where it is
    not the mix's own.

    ``mix`` is the audio that was mastered, ``vocals`` the voice in it: the instrumental is the difference. Cleaning,
    tone and effects are those calculated for the mix; instead of dynamics and the loudness loop the master's own gain
    is applied, so that both versions mixed sound like the master; the limiter only keeps the ceiling. Raises
    AudioRefused where the two do not match, or nothing is audible; then no file is left behind.
    """
    part = _part(check_input(mix), check_input(vocals, name="voice"), version)
    resampled = None if rate in (None, mix.rate) else Resampled(from_hz=mix.rate, to_hz=rate)
    mix_and_part = [admitted_at(mix, rate), admitted_at(part, rate, name=version)]
    del mix, vocals, part  # references that are not held here can be released by the callee
    lufs_or_refusal(integrated_lufs(mix_and_part[1]), name=version)
    target = target_of(spec, reference)
    run = apply_tone(mix_and_part.pop(0), spec=spec, reference=reference, companions=[mix_and_part.pop()])
    ends = Ends.from_document(mastered.ends, run.audio.rate)
    # The static gain lies between the mix's loudness without its dynamics and its master's loudness.
    gain_db = run.source_lufs + mastered.gain_db - loudness_or_refusal(ends.applied(run.audio))
    level = amplified(ends.applied(run.companions.pop()), gain_db)
    del run
    limited_audio, limiting_db = _held(level, spec, target.ceiling_dbtp)
    with written_beside(destination) as partial_file:
        write_wav(partial_file, limited_audio, subtype="PCM_24")
        written_audio = read_audio(partial_file)
        return VersionReport(
            version=version,
            gain_db=mastered.gain_db,
            limiting_db=limiting_db,
            ceiling_dbtp=target.ceiling_dbtp,
            integrated_lufs=number(integrated_lufs(written_audio)),
            true_peak_dbtp=number(true_peak_dbtp(written_audio)),
            frames=written_audio.frames,
            sample_digest=sample_digest(written_audio),
            resampled=resampled,
        )


def _part(mix: Audio, vocals: Audio, version: Version) -> Audio:
    if (mix.rate, mix.frames) != (vocals.rate, vocals.frames):
        raise AudioRefused(
            f"the voice has {vocals.frames} samples at {vocals.rate} Hz, the song {mix.frames} at {mix.rate} Hz",
            reason="invalid",
            remedy="Separate the song again",
        )
    return vocals if version == "acapella" else Audio(mix.samples - vocals.samples, mix.rate)


def _held(audio: Audio, spec: MasteringSpec, ceiling_dbtp: float) -> tuple[Audio, float]:
    """The audio with its true peak under the ceiling, and the reduction of its highest peak in dB."""
    peak_db = peak_16x_dbtp(audio)
    over_db = peak_db - (ceiling_dbtp - SLACK_DB)
    if over_db <= 0:
        return audio, 0.0
    limiter, margin_db = Limiter(audio, spec.limiter), MARGIN_DB
    for _ in range(ROUNDS):
        limited_audio = limiter.render(0.0, ceiling_dbtp - margin_db)
        without_offset(limited_audio)
        over_db = peak_16x_dbtp(limited_audio) - (ceiling_dbtp - SLACK_DB)
        if over_db <= 0:
            break
        margin_db += over_db
    else:
        limited_audio = amplified(limited_audio, -over_db)
    return limited_audio, peak_db - (ceiling_dbtp - margin_db)
