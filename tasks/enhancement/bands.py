"""Linear-phase band filters without delay, so that the removed and the remaining part still add up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin, kaiser_beta, oaconvolve

from tasks.audio.audio import Samples

Taps = NDArray[np.float32]

BLOCK = 1 << 19
"""Frames processed at a time, so that little memory is needed beside the audio."""


def high_pass(stop_hz: float, pass_hz: float, rate: int, *, down_db: float) -> Taps:
    """A symmetric FIR of odd length: ``down_db`` of attenuation at ``stop_hz``, full pass from ``pass_hz`` on.

    Kaiser's design (Kaiser 1974), with ripple of ``down_db`` in both bands.
    """
    width = 2 * np.pi * (pass_hz - stop_hz) / rate
    half_length = int(np.ceil((down_db - 7.95) / (2.285 * width) / 2))
    edge = (stop_hz + pass_hz) / 2
    taps = firwin(2 * half_length + 1, edge, window=("kaiser", kaiser_beta(down_db)), pass_zero=False, fs=rate)
    return np.asarray(taps, np.float32)


def filtered(samples: Samples, taps: Taps) -> Samples:
    """Samples (channels, frames) through a symmetric filter without delay; they are mirrored past their ends."""
    half_length, frames = len(taps) // 2, samples.shape[1]
    output = np.empty_like(samples)
    for line, channel in zip(output, samples, strict=True):
        mirrored_channel = np.pad(channel, half_length, mode="symmetric")
        for start in range(0, frames, BLOCK):
            line[start : start + BLOCK] = oaconvolve(
                mirrored_channel[start : start + BLOCK + 2 * half_length], taps, mode="valid"
            )
    return output


def stretched(values: NDArray[np.float64], step: int, frames: int) -> NDArray[np.float32]:
    """Values for ``step`` frames each, interpolated linearly from middle to middle to ``frames`` points."""
    middles = (np.arange(len(values)) + 0.5) * step
    line = np.empty(frames, np.float32)
    for start in range(0, frames, BLOCK):
        end = min(start + BLOCK, frames)
        line[start:end] = np.interp(np.arange(start, end), middles, values)
    return line
