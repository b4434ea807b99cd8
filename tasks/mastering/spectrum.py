"""The long-term average spectrum of a song's sounding parts, in bands of a third of an octave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.audio.audio import Audio

Levels = NDArray[np.float64]

CENTRES_HZ: Levels = 1000.0 * 2.0 ** (np.arange(-14, 13) / 3)
"""Base-two third-octave bands of IEC 61260-1, nominally 40 Hz to 16 kHz."""

TOP = 0.45
"""Of the rate: a band that reaches beyond is not counted."""

WINDOW_S = 0.18
"""Bins of 5 Hz: the lowest band, 9 Hz wide, still holds two."""

SOUNDING_DBFS = -70.0
GATE_DB = -20.0
"""A frame counts when it lies above -70 dBFS and less than 20 dB under the mean of those that do."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Level of each band of :data:`CENTRES_HZ`, dB of mean power; minus infinity where there is nothing."""

    levels_db: Levels


def third_octaves(audio: Audio) -> Spectrum:
    """The mean power of both channels in each band, over the frames that sound."""
    size = 1 << round(np.log2(WINDOW_S * audio.rate))
    powers = _frame_powers(audio, size)
    totals = powers.sum(axis=1)
    sounding = totals > 10 ** (SOUNDING_DBFS / 10)
    if sounding.any():
        sounding &= totals > totals[sounding].mean() * 10 ** (GATE_DB / 10)
        mean = powers[sounding].mean(axis=0)
    else:
        mean = np.zeros(len(CENTRES_HZ))
    with np.errstate(divide="ignore"):
        return Spectrum(10 * np.log10(mean))


def bands_within(rate: int) -> NDArray[np.bool_]:
    """Which bands a rate has room for."""
    return np.asarray(TOP * rate >= CENTRES_HZ * 2 ** (1 / 6))


def _frame_powers(audio: Audio, size: int) -> Levels:
    """Power of each band in each Hann frame, shape (frames, bands); frames follow each other without overlap."""
    count = -(-audio.frames // size)
    window = np.hanning(size).astype(np.float32)
    shares = _band_shares(audio.rate, size) / (size * float(np.sum(window.astype(np.float64) ** 2)) / 2)
    powers = np.zeros((count, len(CENTRES_HZ)))
    for index in range(count):
        part = audio.samples[:, index * size : (index + 1) * size]
        lines = np.fft.rfft(part * window[: part.shape[1]], size, axis=1)
        powers[index] = (lines.real**2 + lines.imag**2).sum(axis=0) @ shares
    return powers


def _band_shares(rate: int, size: int) -> Levels:
    """How much of each bin lies in each band, shape (bins, bands)."""
    width = rate / size
    bins = np.arange(size // 2 + 1)[:, None] * width
    low, high = CENTRES_HZ / 2 ** (1 / 6), CENTRES_HZ * 2 ** (1 / 6)
    overlap = np.minimum(bins + width / 2, high) - np.maximum(bins - width / 2, low)
    return np.asarray(np.clip(overlap / width, 0.0, 1.0) * bands_within(rate))
