"""The gate before mastering: finite, audible mono or stereo of 400 ms or more, made stereo."""

from __future__ import annotations

import numpy as np

from catalog.errors import AudioRefused
from catalog.metrics import Measured
from tasks.audio.audio import Audio
from tasks.audio.loudness import MOMENTARY_MS, integrated_lufs


def admit(source: Audio) -> Audio:
    """The source as two channels. Raises AudioRefused with reason invalid or too_short."""
    if source.channels not in (1, 2):
        raise AudioRefused(
            f"{source.channels} channels cannot be mastered", reason="invalid", remedy="Give mono or stereo"
        )
    if source.frames == 0:
        raise AudioRefused("the audio has no samples", reason="invalid", remedy="Give audio of 400 ms or more")
    bad = source.samples.size - int(np.count_nonzero(np.isfinite(source.samples)))
    if bad:
        raise AudioRefused(f"{bad} samples are not finite numbers", reason="invalid", remedy="Render the song again")
    if source.frames * 1000 < source.rate * MOMENTARY_MS:
        raise AudioRefused(
            f"the audio is {source.duration_s:.3f} s long",
            reason="too_short",
            remedy="Loudness is defined from 400 ms on, give a longer clip",
        )
    return source if source.channels == 2 else Audio(np.repeat(source.samples, 2, axis=0), source.rate)


def loudness_or_refusal(audio: Audio) -> float:
    """Integrated loudness in LUFS. Raises AudioRefused where nothing is loud enough to be measured."""
    reading = integrated_lufs(audio)
    if isinstance(reading, Measured):
        return reading.value
    raise AudioRefused(
        f"the audio is silent ({reading.reason})", reason="silent", remedy="Check the source, or reject this candidate"
    )
