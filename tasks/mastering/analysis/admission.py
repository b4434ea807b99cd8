"""Input checks before mastering: finite, audible mono or stereo of 400 ms or more, made stereo."""

from __future__ import annotations

import numpy as np

from catalog.common.errors import AudioRefused
from catalog.selection.metrics import Measured, Reading
from tasks.audio.audio import Audio, beyond_any_level
from tasks.audio.files import at_rate
from tasks.audio.metering.loudness import LOWEST_HZ, MOMENTARY_MS, integrated_lufs


def check_input(source: Audio, *, name: str = "audio") -> Audio:
    """The source as stereo (2, frames); mono is copied to both channels.

    Raises AudioRefused with reason invalid or too_short; ``name`` names the audio in its message.
    """
    check_layout(source.channels, source.rate, name=name)
    is_finite = np.isfinite(source.samples)
    nonfinite = source.samples.size - int(np.count_nonzero(is_finite))
    peak = 0.0 if nonfinite or not source.frames else max(float(source.samples.max()), -float(source.samples.min()))
    if source.frames:
        check_samples(nonfinite, peak, name=name)
    check_length(source.frames, source.rate, name=name)
    return source if source.channels == 2 else Audio(np.repeat(source.samples, 2, axis=0), source.rate)


def admitted_at(source: Audio, rate: int | None, *, name: str = "audio") -> Audio:
    """The source at ``rate`` in Hz, by soxr HQ; unchanged where that is None or its own.

    Raises AudioRefused, as :func:`check_input` does, before samples that are not finite can spread.
    """
    if rate is None or rate == source.rate:
        return source
    check_input(source, name=name)
    return at_rate(source, rate)


def check_layout(channels: int, rate: int, *, name: str) -> None:
    """Raise AudioRefused where there are more than two channels, or the rate in Hz is too low for loudness."""
    if channels not in (1, 2):
        raise AudioRefused(
            f"the {name} has {channels} channels, which cannot be mastered",
            reason="invalid",
            remedy="Give mono or stereo",
        )
    if rate < LOWEST_HZ:
        raise AudioRefused(
            f"the {name} has a rate of {rate} Hz, at which loudness is not defined",
            reason="invalid",
            remedy=f"Give audio of {LOWEST_HZ} Hz or more",
        )


def check_samples(not_finite: int, peak: float, *, name: str) -> None:
    """Raise AudioRefused where samples are not finite, or their linear ``peak`` is far beyond any level."""
    if not_finite:
        raise AudioRefused(
            f"{not_finite} samples of the {name} are not finite numbers",
            reason="invalid",
            remedy="Render the song again",
        )
    if problem := beyond_any_level(peak):
        raise AudioRefused(f"samples of the {name} {problem}", reason="invalid", remedy="Lower its level first")


def check_length(frames: int, rate: int, *, name: str) -> None:
    """Raise AudioRefused where the audio is shorter than one loudness block of 400 ms."""
    if frames == 0:
        raise AudioRefused(f"the {name} has no samples", reason="invalid", remedy="Give audio of 400 ms or more")
    if frames * 1000 < rate * MOMENTARY_MS:
        raise AudioRefused(
            f"the {name} is {frames / rate:.3f} s long",
            reason="too_short",
            remedy="Loudness is defined from 400 ms on, give a longer clip",
        )


def loudness_or_refusal(audio: Audio) -> float:
    """Integrated loudness in LUFS. Raises AudioRefused where nothing is loud enough to be measured."""
    return lufs_or_refusal(integrated_lufs(audio))


def lufs_or_refusal(reading: Reading, *, name: str = "audio") -> float:
    """The measured loudness in LUFS. Raises AudioRefused, which names ``name``, where there is none."""
    if isinstance(reading, Measured):
        return reading.value
    raise AudioRefused(
        f"the {name} is silent ({reading.reason})", reason="silent", remedy="Check the source, or reject this candidate"
    )
