"""Tone: bring a song's spectrum nearer to a curve by one limited, smooth, minimum-phase filter for both channels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve

from catalog.common.digests import Json
from tasks.audio.audio import Audio
from tasks.mastering.analysis.curves import Curve
from tasks.mastering.analysis.spectrum import CENTRES_HZ, Spectrum, bands_within

LEAST_BANDS = 12
"""Four octaves: with fewer common bands two spectra cannot be compared."""

EMPTY_DB = 36.0
"""A band this far under the song's general level relative to the curve holds no music and must not be lifted."""

TAPS_S = 0.09
"""Length of the filter: 11 Hz of resolution, fine enough for an octave at 40 Hz."""

CEPSTRUM = 4
"""The cepstrum is this many times as long as the filter, so that it does not alias into itself."""

PART_S = 20
"""Length of audio filtered at a time, which limits the memory."""


@dataclass(frozen=True, slots=True)
class Correction:
    """The gain at each band of :data:`~tasks.mastering.analysis.spectrum.CENTRES_HZ`, dB, shape (bands,)."""

    gains_db: NDArray[np.float64]

    @property
    def most_db(self) -> float:
        """The largest change at any band, dB."""
        return float(np.abs(self.gains_db).max())

    def as_document(self) -> dict[str, Json]:
        """The gains by nominal frequency, to a tenth of a dB."""
        return {f"{hz:.0f}": round(float(gain), 1) for hz, gain in zip(CENTRES_HZ, self.gains_db, strict=True)}


def correction(song: Spectrum, curve: Curve, *, max_db: float, rate: int) -> Correction | None:
    """The correction that brings a song nearer to a curve; None where too few bands have sound in both.

    The difference, less the curve's tolerance, is limited to ``max_db`` and then averaged over one octave, so no gain
    exceeds ``max_db``.
    """
    have_sound = bands_within(rate) & np.isfinite(song.levels_db) & np.isfinite(curve.levels_db)
    if not have_sound.any():
        return None
    difference_db = np.where(
        have_sound, np.subtract(curve.levels_db, song.levels_db, where=have_sound, out=np.zeros(len(have_sound))), 0.0
    )
    have_sound &= difference_db - difference_db[have_sound].min() < EMPTY_DB
    if np.count_nonzero(have_sound) < LEAST_BANDS:
        return None
    difference_db -= difference_db[have_sound].mean()
    excess_db = np.sign(difference_db) * np.maximum(np.abs(difference_db) - curve.tolerance_db, 0.0)
    correction_db = np.clip(np.where(have_sound, excess_db, 0.0), -max_db, max_db)
    return Correction(np.convolve(np.pad(correction_db, 1, mode="edge"), np.full(3, 1 / 3), "valid"))


def filtered(audio: Audio, change: Correction) -> Audio:
    """The audio (channels, frames) through the filter of a correction, at the same length."""
    taps = minimum_phase(change, audio.rate)
    part = round(PART_S * audio.rate)
    samples = np.zeros_like(audio.samples)
    for start in range(0, audio.frames, part):
        for output, channel in zip(samples, audio.samples, strict=True):
            piece = oaconvolve(channel[start : start + part], taps)[: audio.frames - start]
            output[start : start + len(piece)] += piece
    return Audio(samples, audio.rate)


def minimum_phase(change: Correction, rate: int) -> NDArray[np.float32]:
    """A minimum-phase filter with the correction's response, shape (taps,): it has no pre-echo.

    By the real cepstrum folded onto positive time (Oppenheim and Schafer, "Discrete-Time Signal Processing", on
    minimum-phase sequences); the response is linear from band to band on a logarithmic frequency scale, and constant
    outside.
    """
    length = 1 << round(np.log2(TAPS_S * rate))
    size = CEPSTRUM * length
    hz = np.maximum(np.arange(size // 2 + 1) * rate / size, CENTRES_HZ[0])
    gains_db = np.interp(np.log2(hz), np.log2(CENTRES_HZ), change.gains_db)
    cepstrum = np.fft.irfft(gains_db * np.log(10) / 20, size)
    cepstrum[1 : size // 2] *= 2
    cepstrum[size // 2 + 1 :] = 0
    taps = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)), size)[:length]
    fade = np.cos(np.linspace(0, np.pi / 2, length // 4)) ** 2
    taps[-len(fade) :] *= fade
    return taps.astype(np.float32)
