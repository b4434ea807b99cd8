"""Fixed filters: the high-pass of the cleaning stage, and the shelves of the preset ``bright``."""

from __future__ import annotations

import numpy as np
from pedalboard import HighShelfFilter, LowShelfFilter, Plugin
from scipy.signal import butter, sosfilt, sosfilt_zi

from tasks.audio.audio import Audio
from tasks.mastering.processors.plugins import PART, through

HEAD_S = 0.1

LOW_SHELVES_DB = {100.0: 2.0}
HIGH_SHELVES_DB = {10_000.0: 3.0, 16_000.0: 2.0}
HIGHEST_SHELF = 0.45
"""Relative to the rate: a shelf nearer to half the rate cannot have its shape."""


def clean(audio: Audio, highpass_hz: float) -> Audio:
    """Remove DC and rumble from (channels, frames) by a Butterworth high-pass of 12 dB per octave.

    Its state starts settled on the mean of the first 100 ms, so that an offset there is removed at once without a
    click.
    """
    sections = butter(2, highpass_hz, "highpass", fs=audio.rate, output="sos")
    settled_state = sosfilt_zi(sections)
    samples = np.empty_like(audio.samples)
    for index, channel in enumerate(audio.samples):
        offset = float(np.mean(channel[: round(HEAD_S * audio.rate)], dtype=np.float64))
        state = settled_state * offset
        for start in range(0, audio.frames, PART):
            part = channel[start : start + PART].astype(np.float64)
            samples[index, start : start + PART], state = sosfilt(sections, part, zi=state)
    return Audio(samples, audio.rate)


def brighten(audio: Audio) -> Audio:
    """Apply the preset ``bright`` to (channels, frames): fixed shelves, each named by its half-gain frequency."""
    low, high = shelves(audio.rate)
    filters: list[Plugin] = [LowShelfFilter(cutoff_frequency_hz=hz, gain_db=gain) for hz, gain in low.items()]
    filters += [HighShelfFilter(cutoff_frequency_hz=hz, gain_db=gain) for hz, gain in high.items()]
    return Audio(through(filters, audio.samples, audio.rate), audio.rate)


def shelves(rate: int) -> tuple[dict[float, float], dict[float, float]]:
    """Gains in dB by frequency in Hz of the low and the high shelves that fit within a rate."""
    return LOW_SHELVES_DB, {hz: gain for hz, gain in HIGH_SHELVES_DB.items() if hz <= HIGHEST_SHELF * rate}
