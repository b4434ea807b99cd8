"""The long-term average spectrum of the audible parts of a song, in third-octave bands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.audio.audio import Audio, Samples

Levels = NDArray[np.float64]

CENTRES_HZ: Levels = 1000.0 * 2.0 ** (np.arange(-14, 13) / 3)
"""Base-two third-octave bands of IEC 61260-1, nominally 40 Hz to 16 kHz."""

TOP = 0.45
"""Relative to the rate: a band that reaches beyond is not counted."""

WINDOW_S = 0.18
"""Bins of 5 Hz: the lowest band, 9 Hz wide, still holds two."""

SOUNDING_DBFS = -70.0
GATE_DB = -20.0
"""A frame counts where it is above -70 dBFS and less than 20 dB under the mean of those that are."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Level of each band of :data:`CENTRES_HZ`, dB of mean power, shape (bands,); minus infinity for an empty band."""

    levels_db: Levels


def third_octaves(audio: Audio) -> Spectrum:
    """The power of both channels in each band, averaged over the audible frames; ``audio`` is (channels, frames)."""
    measurement = StreamedSpectrum(audio.rate)
    measurement.take(audio.samples)
    return measurement.spectrum()


def _spectrum_of(powers: Levels) -> Spectrum:
    totals = powers.sum(axis=1)
    is_sounding = totals > 10 ** (SOUNDING_DBFS / 10)
    if is_sounding.any():
        is_sounding &= totals > totals[is_sounding].mean() * 10 ** (GATE_DB / 10)
        mean = powers[is_sounding].mean(axis=0)
    else:
        mean = np.zeros(len(CENTRES_HZ))
    with np.errstate(divide="ignore"):
        return Spectrum(10 * np.log10(mean))


def bands_within(rate: int) -> NDArray[np.bool_]:
    """Which bands lie within a rate in Hz, shape (bands,)."""
    return np.asarray(TOP * rate >= CENTRES_HZ * 2 ** (1 / 6))


class StreamedSpectrum:
    """Takes blocks of shape (channels, frames) and gives the spectrum of :func:`third_octaves`.

    It keeps the power of each band in each Hann frame; frames follow each other without overlap.
    """

    def __init__(self, rate: int) -> None:
        self._size = 1 << round(np.log2(WINDOW_S * rate))
        self._window = np.hanning(self._size).astype(np.float32)
        energy = float(np.sum(self._window.astype(np.float64) ** 2))
        self._shares = _band_shares(rate, self._size) / (self._size * energy / 2)
        self._rest: Samples | None = None
        self._powers: list[Levels] = []

    def take(self, block: Samples) -> None:
        """Add the next block, shape (channels, frames)."""
        samples = block if self._rest is None else np.concatenate([self._rest, block], axis=1)
        whole_frames = samples.shape[1] // self._size * self._size
        for start in range(0, whole_frames, self._size):
            self._take_frame(samples[:, start : start + self._size])
        self._rest = samples[:, whole_frames:].copy()

    def spectrum(self) -> Spectrum:
        """The mean over the audible frames; a remainder at the end is a frame of its own."""
        if self._rest is not None and self._rest.shape[1]:
            self._take_frame(self._rest)
            self._rest = None
        return _spectrum_of(np.array(self._powers).reshape(-1, len(CENTRES_HZ)))

    def _take_frame(self, part: Samples) -> None:
        lines = np.fft.rfft(part * self._window[: part.shape[1]], self._size, axis=1)
        self._powers.append((lines.real**2 + lines.imag**2).sum(axis=0) @ self._shares)


def _band_shares(rate: int, size: int) -> Levels:
    """The share of each bin in each band, shape (bins, bands)."""
    width = rate / size
    bins = np.arange(size // 2 + 1)[:, None] * width
    low, high = CENTRES_HZ / 2 ** (1 / 6), CENTRES_HZ * 2 ** (1 / 6)
    overlap = np.minimum(bins + width / 2, high) - np.maximum(bins - width / 2, low)
    return np.asarray(np.clip(overlap / width, 0.0, 1.0) * bands_within(rate))
