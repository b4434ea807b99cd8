"""The gate before mastering: finite, audible mono or stereo of 400 ms or more, made stereo."""

from __future__ import annotations

import numpy as np

from catalog.errors import AudioRefused
from catalog.metrics import Measured, Reading
from tasks.audio.audio import Audio
from tasks.audio.loudness import LOWEST_HZ, MOMENTARY_MS, integrated_lufs


def admit(source: Audio, *, what: str = "audio") -> Audio:
    """The source as two channels. Raises AudioRefused with reason invalid or too_short; ``what`` names it there."""
    if source.channels not in (1, 2):
        raise AudioRefused(
            f"the {what} has {source.channels} channels, which cannot be mastered",
            reason="invalid",
            remedy="Give mono or stereo",
        )
    if source.rate < LOWEST_HZ:
        raise AudioRefused(
            f"the {what} has a rate of {source.rate} Hz, at which loudness is not defined",
            reason="invalid",
            remedy=f"Give audio of {LOWEST_HZ} Hz or more",
        )
    if source.frames == 0:
        raise AudioRefused(f"the {what} has no samples", reason="invalid", remedy="Give audio of 400 ms or more")
    bad = source.samples.size - int(np.count_nonzero(np.isfinite(source.samples)))
    if bad:
        raise AudioRefused(
            f"{bad} samples of the {what} are not finite numbers", reason="invalid", remedy="Render the song again"
        )
    if source.frames * 1000 < source.rate * MOMENTARY_MS:
        raise AudioRefused(
            f"the {what} is {source.duration_s:.3f} s long",
            reason="too_short",
            remedy="Loudness is defined from 400 ms on, give a longer clip",
        )
    return source if source.channels == 2 else Audio(np.repeat(source.samples, 2, axis=0), source.rate)


def loudness_or_refusal(audio: Audio) -> float:
    """Integrated loudness in LUFS. Raises AudioRefused where nothing is loud enough to be measured."""
    return lufs_or_refusal(integrated_lufs(audio))


def lufs_or_refusal(reading: Reading, *, what: str = "audio") -> float:
    """A loudness that was read. Raises AudioRefused where there is none; ``what`` names the sound there."""
    if isinstance(reading, Measured):
        return reading.value
    raise AudioRefused(
        f"the {what} is silent ({reading.reason})", reason="silent", remedy="Check the source, or reject this candidate"
    )
