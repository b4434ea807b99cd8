"""Fixed filters: the high-pass that cleans, and the shelves of the preset ``bright``."""

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
"""Of the rate: a shelf nearer to half the rate has no room to be one."""


def clean(audio: Audio, highpass_hz: float) -> Audio:
    """Without DC and rumble: a Butterworth high-pass of 12 dB an octave.

    It starts settled on the mean of the first 100 ms, so that an offset there is gone at once and not by a click.
    """
    sections = butter(2, highpass_hz, "highpass", fs=audio.rate, output="sos")
    settled = sosfilt_zi(sections)
    samples = np.empty_like(audio.samples)
    for index, channel in enumerate(audio.samples):
        offset = float(np.mean(channel[: round(HEAD_S * audio.rate)], dtype=np.float64))
        state = settled * offset
        for start in range(0, audio.frames, PART):
            part = channel[start : start + PART].astype(np.float64)
            samples[index, start : start + PART], state = sosfilt(sections, part, zi=state)
    return Audio(samples, audio.rate)


def brighten(audio: Audio) -> Audio:
    """The preset ``bright``: fixed shelves, each named by its half-gain point."""
    low, high = shelves(audio.rate)
    filters: list[Plugin] = [LowShelfFilter(cutoff_frequency_hz=hz, gain_db=gain) for hz, gain in low.items()]
    filters += [HighShelfFilter(cutoff_frequency_hz=hz, gain_db=gain) for hz, gain in high.items()]
    return Audio(through(filters, audio.samples, audio.rate), audio.rate)


def shelves(rate: int) -> tuple[dict[float, float], dict[float, float]]:
    """Gains by frequency of the low and the high shelves that a rate has room for."""
    return LOW_SHELVES_DB, {hz: gain for hz, gain in HIGH_SHELVES_DB.items() if hz <= HIGHEST_SHELF * rate}
