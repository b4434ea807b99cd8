"""The member ``air``: a gentle shelf and an exciter above 10 kHz.

The exciter multiplies the octave under the cut-off by its own mid, which gives second harmonics (and sums) of the mid,
with the side in proportion: a mono song stays mono, a swapped one comes out swapped, and a difference signal gets
nothing but the shelf. A product of two signals under a quarter of the rate ends under half the rate, so it is free of
aliases without oversampling.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d, maximum_filter1d

from tasks.audio.audio import Audio, Samples
from tasks.enhancement.bands import filtered, high_pass, stretched
from tasks.enhancement.base import Bounds, admit, held_at_peak, level_neutral, refuse_rate

LOWEST_RATE = 32_000
CUTOFF_HZ = 10_000.0
HIGHEST_CUTOFF = 0.23
"""Relative to the rate: second harmonics of everything below it end under half the rate."""

TRANSITION = 1.15
DOWN_DB = 100.0
SHELF_DB = 1.5
HARMONICS_DB = -9.0
"""Level of the product relative to its source octave; the second harmonic of a tone is 6 dB softer again."""

STEP_S = 0.001
REACH_S = 0.01
LOWEST_LEVEL = np.float32(1e-4)
"""Relative to the highest level: softer passages get fewer harmonics, and silence none."""

TINY = np.float32(1e-20)


class Air:
    """A shelf of 1.5 dB and second harmonics above the cut-off, at the source's own loudness."""

    name: ClassVar[str] = "air"
    revision: ClassVar[int] = 1

    def bounds(self, rate: int) -> Bounds:
        """Keeps everything under 10 kHz (a little less at rates under 44.1 kHz); new content reaches twice that."""
        refuse_rate(rate, LOWEST_RATE, member=self.name)
        cutoff = min(CUTOFF_HZ, HIGHEST_CUTOFF * rate)
        return Bounds(kept_from_hz=0.0, cutoff_hz=cutoff, generated_hz=(cutoff, 2 * cutoff))

    def enhance(self, audio: Audio) -> Audio:
        """The audio (channels, frames) with added air, at its own loudness."""
        cutoff = self.bounds(audio.rate).cutoff_hz
        lufs = admit(audio)
        change = shelf_and_harmonics(audio, cutoff)

        def mix(amount: float) -> Audio:
            return level_neutral(Audio(audio.samples + np.float32(amount) * change, audio.rate), lufs)

        return held_at_peak(audio, mix)


def shelf_and_harmonics(audio: Audio, cutoff_hz: float) -> Samples:
    """The signal to add to the audio: a share of its own band above the cut-off, and second harmonics."""
    taps = high_pass(cutoff_hz, cutoff_hz * TRANSITION, audio.rate, down_db=DOWN_DB)
    addition = _harmonics(_octave_under(audio, cutoff_hz), audio.rate)
    addition += np.float32(10 ** (SHELF_DB / 20) - 1) * audio.samples
    return filtered(addition, taps)


def _octave_under(audio: Audio, cutoff_hz: float) -> Samples:
    """The octave that ends at the cut-off, flanks included; (channels, frames)."""
    lower_taps = high_pass(cutoff_hz / 2 / TRANSITION, cutoff_hz / 2 * TRANSITION, audio.rate, down_db=DOWN_DB)
    upper_taps = high_pass(cutoff_hz / TRANSITION, cutoff_hz, audio.rate, down_db=DOWN_DB)
    half_length = len(upper_taps) // 2
    lower_taps = np.pad(lower_taps, (max(0, half_length - len(lower_taps) // 2),) * 2)
    start = len(lower_taps) // 2 - half_length
    lower_taps[start : start + len(upper_taps)] -= upper_taps
    return filtered(audio.samples, lower_taps)


def _harmonics(octave: Samples, rate: int) -> Samples:
    """The octave times its mid over its peak level, so that the output level is proportional to the input level."""
    level = _level(octave, rate)
    mid = octave.mean(axis=0) / np.maximum(level, level.max() * LOWEST_LEVEL + TINY)
    harmonics: Samples = octave * (mid * np.float32(10 ** (HARMONICS_DB / 20)))
    return harmonics


def _level(samples: Samples, rate: int) -> NDArray[np.float32]:
    """Highest magnitude of all channels within 10 ms, smoothed but never under the signal; shape (frames,)."""
    step = max(1, round(STEP_S * rate))
    starts = np.arange(0, samples.shape[1], step)
    peaks = np.maximum.reduceat(np.abs(samples).max(axis=0), starts).astype(np.float64)
    reach = round(REACH_S / STEP_S)
    window = np.hanning(2 * reach + 1)
    highest_ahead = maximum_filter1d(peaks, 2 * reach + 3, mode="nearest")
    envelope = correlate1d(highest_ahead, window / window.sum(), mode="nearest")
    return stretched(envelope, step, samples.shape[1])
