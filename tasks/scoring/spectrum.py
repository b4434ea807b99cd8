"""Readings of the long-term spectrum: how high it reaches, and how noise-like it is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.signal import get_window

from catalog.metrics import Measured, NotMeasurable, Reading
from tasks.audio.audio import Audio

FRAME = 4096
BATCH = 64
BAND_HZ = 100.0
FLOOR_DB = -80.0
"""Content ends where the spectrum stays this far under its strongest band: decoder noise and dither lie below."""

WALL_DB = 25.0
WALL_FROM_HZ = 3000.0
WALL_BELOW_HZ = 1000.0
WALL_WIDTH_HZ = 500.0
FLATNESS_HZ = (200.0, 8000.0)

Spectrum = NDArray[np.float64]


def spectral_readings(audio: Audio) -> tuple[Reading, Reading]:
    """Bandwidth in Hz, and spectral flatness (median over frames, 0 to 1), from one pass of 4096-sample frames."""
    if audio.frames < FRAME:
        short = NotMeasurable(f"{audio.frames} samples are less than one frame of {FRAME}")
        return short, short
    total: Spectrum = np.zeros(FRAME // 2 + 1)
    flatness: list[Spectrum] = []
    low, high = (int(hz * FRAME / audio.rate) for hz in FLATNESS_HZ)
    for powers in _frames(audio):
        total += powers.sum(axis=0)
        flatness.append(_flatness(powers[:, low : high + 1]))
    values = np.concatenate(flatness)
    if values.size == 0 or not total.any():
        silent = NotMeasurable("no frame holds any sound")
        return silent, silent
    return Measured(_bandwidth_hz(total, audio.rate)), Measured(float(np.median(values)))


def _frames(audio: Audio) -> Iterator[Spectrum]:
    """Power spectra of the frames, all channels summed, a batch at a time, shape (frames, bins)."""
    window = get_window("hann", FRAME).astype(np.float32)
    whole = audio.samples[:, : audio.frames // FRAME * FRAME].reshape(audio.channels, -1, FRAME)
    for start in range(0, whole.shape[1], BATCH):
        spectra = rfft(whole[:, start : start + BATCH] * window)
        yield np.sum(np.square(spectra.real, dtype=np.float64) + np.square(spectra.imag, dtype=np.float64), axis=0)


def _flatness(powers: Spectrum) -> Spectrum:
    """Geometric over arithmetic mean of each frame that sounds."""
    means = powers.mean(axis=1)
    sounding = powers[means > 0]
    floor = np.maximum(sounding, sounding.mean(axis=1, keepdims=True) * 1e-12)
    ratio: Spectrum = np.exp(np.log(floor).mean(axis=1)) / means[means > 0]
    return ratio


def _bandwidth_hz(total: Spectrum, rate: int) -> float:
    """The highest frequency that carries content, to 100 Hz.

    A brick wall comes first: an edge from 3 kHz up over which the spectrum falls by 25 dB within 500 Hz, from
    the mean of the 1 kHz under it, and stays down (what leaks past an old resampler or codec is no content).
    Else the top of the highest band within 80 dB of the strongest.
    """
    levels = _band_levels(total, rate)
    below, width = int(WALL_BELOW_HZ / BAND_HZ), int(WALL_WIDTH_HZ / BAND_HZ)
    for edge in range(max(int(WALL_FROM_HZ / BAND_HZ), below), len(levels) - width):
        if levels[edge - below : edge].mean() - levels[edge + width :].max() >= WALL_DB:
            falls = levels[: edge + width]
            top = int(np.flatnonzero(falls >= levels[edge - below : edge].mean() - WALL_DB / 2)[-1])
            return min((top + 1) * BAND_HZ, rate / 2)
    top = int(np.flatnonzero(levels >= levels.max() + FLOOR_DB)[-1])
    return min((top + 1) * BAND_HZ, rate / 2)


def _band_levels(total: Spectrum, rate: int) -> Spectrum:
    """Mean power in bands of 100 Hz, in dB, from the second band up to half the rate."""
    starts = np.unique((np.arange(0, rate / 2, BAND_HZ) * FRAME / rate).astype(np.int64))
    means = np.add.reduceat(total, starts) / np.diff(starts, append=len(total))
    floor = np.maximum(means, means.max() * 1e-30)
    levels: Spectrum = 10 * np.log10(floor)
    return levels
