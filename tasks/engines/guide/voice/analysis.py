"""Spectra of a voice that speaks on one tone: envelopes between its harmonics, as mel-cepstra.

The envelope follows CheapTrick (Morise, Speech Communication 2015): a window of three periods, its power smoothed over
two thirds of the pitch, and the rest of the harmonics' ripple removed in the cepstrum. The pitch is known to be
steady, so that no tracker is needed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from tasks.engines.guide.voice.vocoder import FRAME_S, Colour, Matrix, cosines

FFT_SIZE = 1024
PITCH_RANGE_HZ = (70.0, 260.0)
PITCH_WINDOW_S = 0.06
LEAST_POWER = 1e-10
COMPENSATION = (1.18, -0.09)
"""CheapTrick's weights against the smoothing of the formants."""


def steady_pitch_hz(samples: NDArray[np.float64], rate_hz: int) -> float:
    """The pitch of a voice on one tone: the highest peak of its mean autocorrelation, weighted by power."""
    length = round(PITCH_WINDOW_S * rate_hz)
    frames = samples[: len(samples) // length * length].reshape(-1, length)
    if not len(frames):
        return float(np.mean(PITCH_RANGE_HZ))
    spectra = np.abs(fft.rfft(frames * np.hanning(length), 4 * length, axis=1)) ** 2
    correlation = fft.irfft(spectra.sum(axis=0))
    shortest, longest = round(rate_hz / PITCH_RANGE_HZ[1]), round(rate_hz / PITCH_RANGE_HZ[0])
    return rate_hz / (shortest + int(np.argmax(correlation[shortest : longest + 1])))


def cepstra(samples: NDArray[np.float64], pitch_hz: float, colour: Colour, *, formants: float = 0.0) -> Matrix:
    """The mel-cepstra of speech, a frame every 5 ms: (frames, order). ``formants`` shifts them in log frequency."""
    centres = np.arange(0, len(samples), FRAME_S * colour.rate_hz)
    return fitted(envelopes(samples, centres, pitch_hz, colour.rate_hz), colour, formants=formants)


def fitted(log_magnitudes: NDArray[np.float64], colour: Colour, *, formants: float = 0.0) -> Matrix:
    """The mel-cepstra of :func:`envelopes`: (frames, order). ``formants`` shifts them in log frequency."""
    hertz = np.arange(FFT_SIZE // 2 + 1) * colour.rate_hz / FFT_SIZE
    if formants:
        log_magnitudes = np.array([np.interp(hertz * np.exp(-formants), hertz, row) for row in log_magnitudes])
    fit = np.linalg.pinv(cosines(colour, hertz).T)
    spectrum: Matrix = (log_magnitudes @ fit.T).astype(np.float32)
    return spectrum


def envelopes(
    samples: NDArray[np.float64], centres: NDArray[np.float64], pitch_hz: float, rate_hz: int
) -> NDArray[np.float64]:
    """Log magnitudes of the envelope at each centre in nepers: (frames, FFT_SIZE // 2 + 1)."""
    half = round(1.5 * rate_hz / pitch_hz)
    window = np.hanning(2 * half + 1)
    window /= np.sqrt((window**2).sum())
    padded = np.pad(samples, half + 1)
    first = np.round(centres).astype(np.int64)[:, None] + 1 + np.arange(2 * half + 1)
    power = np.abs(fft.rfft(padded[first] * window, FFT_SIZE, axis=1)) ** 2
    smooth = _smoothed(_without_dc(power, pitch_hz, rate_hz), 2 * pitch_hz / 3, rate_hz)
    cepstrum = fft.irfft(np.log(smooth + LEAST_POWER) / 2, axis=1)
    quefrency_s = np.minimum(np.arange(FFT_SIZE), FFT_SIZE - np.arange(FFT_SIZE)) / rate_hz
    lifter = np.sinc(pitch_hz * quefrency_s) * (
        COMPENSATION[0] + 2 * COMPENSATION[1] * np.cos(2 * np.pi * pitch_hz * quefrency_s)
    )
    found: NDArray[np.float64] = fft.rfft(cepstrum * lifter, axis=1).real
    return found


def _without_dc(power: NDArray[np.float64], pitch_hz: float, rate_hz: int) -> NDArray[np.float64]:
    """Power under the pitch mirrored from above it: there is no harmonic at 0."""
    step = rate_hz / FFT_SIZE
    below = np.arange(int(pitch_hz / step) + 1)
    mirrored = np.clip(pitch_hz / step - below, 0, power.shape[1] - 1).astype(np.int64)
    corrected = power.copy()
    corrected[:, below] += power[:, mirrored]
    return corrected


def _smoothed(power: NDArray[np.float64], width_hz: float, rate_hz: int) -> NDArray[np.float64]:
    """The mean power over a band around each frequency."""
    step = rate_hz / FFT_SIZE
    reach = width_hz / 2 / step
    margin = int(reach) + 2
    mirrored = np.pad(power, ((0, 0), (margin, margin)), mode="reflect")
    sums = np.cumsum(mirrored, axis=1)
    places: NDArray[np.float64] = np.arange(power.shape[1], dtype=np.float64) + margin
    return (_sum_until(sums, places + reach - 0.5) - _sum_until(sums, places - reach - 0.5)) / (2 * reach)


def _sum_until(sums: NDArray[np.float64], place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Running sums at fractional places, between neighbours in a line."""
    low = np.floor(place).astype(np.int64)
    part = place - low
    between: NDArray[np.float64] = sums[:, low] * (1 - part) + sums[:, low + 1] * part
    return between
