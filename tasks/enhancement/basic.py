"""The member ``basic``: removes rumble, and steadies the level above 2 kHz.

A moving gain over the whole band leaves nothing unchanged to -40 dB: that is 0.09 dB of movement. So the compression
works on the band above 2 kHz, where generated voices and cymbals sound harsh and uneven, by one gain for both channels.
Compression of the whole belongs to mastering, which guarantees no null.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d, maximum_filter1d

from tasks.audio.audio import Audio, Samples
from tasks.enhancement.bands import filtered, high_pass, stretched
from tasks.enhancement.base import Bounds, admit, held_at_peak, level_neutral, refuse_rate

LOWEST_RATE = 16_000
RUMBLE_HZ = (12.0, 30.0)
"""Removed below the first, unchanged from the second: below the lowest B of a five-string bass (30.9 Hz)."""

RUMBLE_DOWN_DB = 60.0
UPPER_HZ = (2000.0, 3000.0)
"""Unchanged up to the first, fully compressed from the second."""

UPPER_DOWN_DB = 90.0

STEP_S = 0.001
THRESHOLD_DB = 2.0
"""Above the mean level of the audible steps above the cut-off, so that soft and loud sources are treated alike."""

RATIO = 2.0
MOST_DB = 4.0
AHEAD_S = 0.015
RELEASE_DB_PER_S = 30.0
SOUNDING_DB = -50.0
"""Below the loudest step: softer steps do not count in the mean level."""

Curve = NDArray[np.float64]


class Basic:
    """A linear-phase high-pass, gentle linked compression of the upper band, and a true peak that does not grow."""

    name: ClassVar[str] = "basic"
    revision: ClassVar[int] = 1

    def bounds(self, rate: int) -> Bounds:
        """Kept from 30 Hz to 2 kHz; nothing is generated."""
        refuse_rate(rate, LOWEST_RATE, member=self.name)
        return Bounds(kept_from_hz=RUMBLE_HZ[1], cutoff_hz=UPPER_HZ[0])

    def enhance(self, audio: Audio) -> Audio:
        """The audio without rumble, its upper band compressed, at its own loudness."""
        self.bounds(audio.rate)
        lufs = admit(audio)
        rumble_free = without_rumble(audio)
        change = compression_of_upper_band(rumble_free)

        def mix(amount: float) -> Audio:
            return level_neutral(Audio(rumble_free.samples + np.float32(amount) * change, audio.rate), lufs)

        return held_at_peak(audio, mix)


def without_rumble(audio: Audio) -> Audio:
    """The audio without DC and subsonic content; the filter has linear phase and shifts nothing in time."""
    offsets = audio.samples.mean(axis=1, keepdims=True, dtype=np.float64)
    taps = high_pass(*RUMBLE_HZ, audio.rate, down_db=RUMBLE_DOWN_DB)
    return Audio(filtered(audio.samples - offsets.astype(np.float32), taps), audio.rate)


def compression_of_upper_band(audio: Audio) -> Samples:
    """The change by compression of the upper band: the band times its gain less 1, (channels, frames).

    The product is filtered once more, so that nothing of the moving gain reaches below the cut-off.
    """
    taps = high_pass(*UPPER_HZ, audio.rate, down_db=UPPER_DOWN_DB)
    upper_band = filtered(audio.samples, taps)
    step = max(1, round(STEP_S * audio.rate))
    reduction_db = _reduction_db(_levels_db(upper_band, step))
    upper_band *= stretched(10 ** (-reduction_db / 20) - 1, step, audio.frames)
    return filtered(upper_band, taps)


def _levels_db(samples: Samples, step: int) -> Curve:
    """Mean power over all channels in each step, dB, (steps,): the same for left and right as for mid and side."""
    starts = np.arange(0, samples.shape[1], step)
    squares = np.einsum("cf,cf->f", samples, samples)
    powers = np.add.reduceat(squares, starts, dtype=np.float64)
    powers /= np.diff(starts, append=samples.shape[1]) * len(samples)
    return np.asarray(10 * np.log10(np.maximum(powers, powers.max() * 1e-12 + 1e-30)))


def _reduction_db(levels_db: Curve) -> Curve:
    """Gain reduction for each step in dB: a soft threshold with a smooth release, then smoothed ahead of each rise."""
    sounding_db = levels_db[levels_db >= levels_db.max() + SOUNDING_DB]
    mean_db = 10 * np.log10(np.mean(10 ** (sounding_db / 10)))
    needed_db = np.clip((levels_db - mean_db - THRESHOLD_DB) * (1 - 1 / RATIO), 0.0, MOST_DB)
    ramp = RELEASE_DB_PER_S * STEP_S * np.arange(len(needed_db))
    held_db = np.maximum.accumulate(needed_db + ramp) - ramp
    reach = round(AHEAD_S / STEP_S)
    window = np.hanning(2 * reach + 3)[1:-1]
    highest_ahead = maximum_filter1d(held_db, 2 * reach + 1, mode="nearest")
    return np.asarray(correlate1d(highest_ahead, window / window.sum(), mode="nearest"))
