"""Frames of a voice to sound: pulses and noise through minimum-phase filters, all in numpy.

A frame's spectrum is a mel-cepstrum: its log magnitude is a sum of cosines over a warped frequency axis (Tokuda and
others, ICSLP 1994). Log magnitude and minimum phase are both linear in the coefficients, so that the filters of many
pulses are one matrix product.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

RATE = 44100
FRAME_S = 0.005
FFT_SIZE = 1024
BINS = FFT_SIZE // 2 + 1
"""Of a pulse's filter: its response has fallen by 60 dB within 23 ms, as its spectrum is smooth."""

BAND_CENTRES_HZ = (500.0, 1500.0, 3000.0, 5000.0, 7000.0)
"""Of the bands 0-1, 1-2, 2-4, 4-6 and 6-8 kHz, whose share of pulses a frame states."""

EDGE = 0.92
"""Above this share of its band a source's spectrum is continued: with the mean of the band's last fifth, falling."""

FALL_DB_PER_OCTAVE = 12.0
CROSSFADE_OCTAVES = 1 / 3
PULSES_ABOVE_EDGE = 0.1
PULSE_BLOCK = 192
NOISE_HOP, NOISE_FFT = 128, 640
LEAD = 16
"""Samples of a pulse before its time: where it falls between two samples it rings on both sides."""

NOISE_MARGIN = (NOISE_FFT - 2 * NOISE_HOP) // 2
SILENT_SHARE = 0.02

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Colour:
    """How a source describes spectra: its rate in Hz, number of coefficients, and warp of its frequency axis."""

    rate_hz: int
    order: int
    warp: float


@dataclass(frozen=True, slots=True)
class Frames:
    """A passage of singing, a frame every ``FRAME_S``, n in all.

    ``spectrum`` (n, order) mel-cepstra in nepers, ``pulses`` (n, 5) the share of pulses in each band, ``pitch_hz``
    (n,), ``gain`` (n,) linear, ``formants`` (n,) shift of the spectrum in log frequency (0.05 is 5 % up).
    """

    spectrum: Matrix
    pulses: Matrix
    pitch_hz: Matrix
    gain: Matrix
    formants: Matrix


@dataclass(frozen=True, slots=True)
class _Basis:
    """Rows for coefficients, their derivative by formant shift, and one constant row; ``bands`` (5, bins) and the share
    of pulses above the edge."""

    magnitude: Matrix
    phase: Matrix
    bands: Matrix
    above: Matrix


def synthesise(frames: Frames, colour: Colour, *, seed: int) -> NDArray[np.float32]:
    """Sound at 44.1 kHz, float32 (samples,), longer than the frames by the filters' ringing; the same for the same
    arguments."""
    length = round(len(frames.gain) * FRAME_S * RATE)
    output = np.zeros(NOISE_MARGIN + length + 2 * FFT_SIZE, dtype=np.float32)
    for starts, waves in _pulses(frames, colour):
        _add(output, starts + NOISE_MARGIN, waves)
    for starts, waves in _noise(frames, colour, np.random.Generator(np.random.PCG64(seed))):
        _add(output, starts, waves)
    return output[NOISE_MARGIN : NOISE_MARGIN + length + FFT_SIZE]


def _add(output: NDArray[np.float32], starts: NDArray[np.int64], waves: Matrix) -> None:
    size = waves.shape[1]
    for start, wave in zip(starts.tolist(), waves, strict=True):
        output[start : start + size] += wave


def _pulses(frames: Frames, colour: Colour) -> Iterator[tuple[NDArray[np.int64], Matrix]]:
    """Blocks of pulses: first samples, and waves (pulses, FFT_SIZE)."""
    times_s, periods_s = _pulse_times(frames.pitch_hz)
    basis = _basis(colour, FFT_SIZE)
    radians = np.arange(BINS, dtype=np.float32) * np.float32(2 * np.pi / FFT_SIZE)
    for first in range(0, len(times_s), PULSE_BLOCK):
        position = times_s[first : first + PULSE_BLOCK] / FRAME_S
        rows, shares, gain = _at(frames, position)
        sounding = shares.max(axis=1) > SILENT_SHARE
        if not sounding.any():
            continue
        rows, shares, gain = rows[sounding], shares[sounding], gain[sounding]
        periods = periods_s[first : first + PULSE_BLOCK][sounding] * RATE
        phase = rows @ basis.phase
        samples = times_s[first : first + PULSE_BLOCK][sounding] * RATE - _delay(phase, periods)
        starts = np.floor(samples).astype(np.int64)
        late = (samples - starts).astype(np.float32) + LEAD
        height = gain * np.sqrt(periods).astype(np.float32)
        size = np.exp(rows @ basis.magnitude) * (shares @ basis.bands + basis.above) * height[:, None]
        yield starts - LEAD, _waves(size, phase - late[:, None] * radians, FFT_SIZE)


def _delay(phase: Matrix, periods: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how many samples a filter delays the fundamental: without it, a filter that changes would bend the pitch."""
    place = FFT_SIZE / periods
    low = place.astype(np.int64)
    part = place - low
    index = np.arange(len(place))
    at_pitch = phase[index, low] * (1 - part) + phase[index, low + 1] * part
    delay: NDArray[np.float64] = -at_pitch * periods / (2 * np.pi)
    return np.clip(delay, 0.0, NOISE_MARGIN - LEAD)


def _noise(frames: Frames, colour: Colour, rng: np.random.Generator) -> Iterator[tuple[NDArray[np.int64], Matrix]]:
    """Blocks of filtered noise, overlapping by half. Noise has no phase of its own: its filters have phase zero, and
    ring before and after a piece."""
    basis = _basis(colour, NOISE_FFT)
    count = int(len(frames.gain) * FRAME_S * RATE) // NOISE_HOP + 1
    noise = rng.standard_normal((count + 1) * NOISE_HOP, dtype=np.float32)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(2 * NOISE_HOP) + 0.5) / (2 * NOISE_HOP))).astype(np.float32)
    for first in range(0, count, PULSE_BLOCK):
        starts = np.arange(first, min(count, first + PULSE_BLOCK), dtype=np.int64) * NOISE_HOP
        rows, shares, gain = _at(frames, (starts + NOISE_HOP) / (RATE * FRAME_S))
        pieces = np.zeros((len(starts), NOISE_FFT), dtype=np.float32)
        inside = pieces[:, NOISE_MARGIN : NOISE_MARGIN + 2 * NOISE_HOP]
        np.multiply(noise[starts[:, None] + np.arange(2 * NOISE_HOP)], window * gain[:, None], out=inside)
        size = np.exp(rows @ basis.magnitude) * (1 - shares @ basis.bands - basis.above)
        yield starts, fft.irfft(fft.rfft(pieces, axis=1) * size, NOISE_FFT, axis=1)


def _waves(size: Matrix, angle: Matrix, length: int) -> Matrix:
    spectrum = np.empty(size.shape, dtype=np.complex64)
    spectrum.real, spectrum.imag = size * np.cos(angle), size * np.sin(angle)
    waves: Matrix = fft.irfft(spectrum, length, axis=1)
    return waves


def _at(frames: Frames, position: NDArray[np.float64]) -> tuple[Matrix, Matrix, NDArray[np.float32]]:
    """Rows for the basis, shares of pulses and gains at fractional frame positions, between neighbours in a line."""
    last = len(frames.gain) - 1
    position = np.clip(position, 0, last)
    low = position.astype(np.int64)
    high = np.minimum(low + 1, last)
    part = (position - low).astype(np.float32)
    spectrum = frames.spectrum[low] * (1 - part)[:, None] + frames.spectrum[high] * part[:, None]
    pulses = frames.pulses[low] * (1 - part)[:, None] + frames.pulses[high] * part[:, None]
    gain = frames.gain[low] * (1 - part) + frames.gain[high] * part
    formants = frames.formants[low]
    ones = np.ones((len(low), 1), dtype=np.float32)
    return np.hstack([spectrum, spectrum * formants[:, None], ones]), pulses, gain


def _pulse_times(pitch_hz: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times and periods of the pulses in seconds: where the pitch's integral passes whole cycles."""
    fine = 10
    grid = np.arange((len(pitch_hz) - 1) * fine + 1) / fine
    hertz = np.interp(grid, np.arange(len(pitch_hz)), pitch_hz)
    cycles = np.concatenate([[0.0], np.cumsum((hertz[1:] + hertz[:-1]) / 2)]) * (FRAME_S / fine)
    times_s = np.interp(np.arange(1, int(cycles[-1]) + 1), cycles, grid * FRAME_S)
    return times_s, 1 / np.interp(times_s / FRAME_S, grid, hertz)


@cache
def _basis(colour: Colour, size: int) -> _Basis:
    """The matrices of one source and FFT size."""
    hertz = np.arange(size // 2 + 1) * RATE / size
    rows = _log_magnitude(colour, hertz)
    step = 0.01
    slope = (_log_magnitude(colour, hertz * np.exp(-step)) - _log_magnitude(colour, hertz * np.exp(step))) / (2 * step)
    edge_hz = EDGE * colour.rate_hz / 2
    octaves = np.log2(np.maximum(hertz, edge_hz) / edge_hz)
    constant = -FALL_DB_PER_OCTAVE / 20 * np.log(10) * octaves
    magnitude = np.vstack([rows, slope, constant[None]])
    above = _above_edge(hertz, edge_hz)
    bands = np.array([np.interp(hertz, BAND_CENTRES_HZ, np.eye(5)[band]) for band in range(5)]) * (1 - above)
    return _Basis(
        magnitude.astype(np.float32),
        _minimum_phase(magnitude, size).astype(np.float32),
        bands.astype(np.float32),
        (above * PULSES_ABOVE_EDGE).astype(np.float32),
    )


def _log_magnitude(colour: Colour, hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """The cosines of each coefficient at some frequencies, continued above the source's band: (order, frequencies)."""
    edge_hz = EDGE * colour.rate_hz / 2
    inside = cosines(colour, np.minimum(hertz, edge_hz))
    last_fifth = cosines(colour, np.linspace(0.8 * edge_hz, edge_hz, 64)).mean(axis=1)
    above = _above_edge(hertz, edge_hz)
    continued: NDArray[np.float64] = inside * (1 - above) + last_fifth[:, None] * above
    return continued


def cosines(colour: Colour, hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each coefficient of a mel-cepstrum adds to the log magnitude at some frequencies: (order, frequencies)."""
    angle = 2 * np.pi * hertz / colour.rate_hz
    warped = angle + 2 * np.arctan2(colour.warp * np.sin(angle), 1 - colour.warp * np.cos(angle))
    rows: NDArray[np.float64] = np.cos(np.arange(colour.order)[:, None] * warped)
    return rows


def _above_edge(hertz: NDArray[np.float64], edge_hz: float) -> NDArray[np.float64]:
    """0 below the cross-fade that ends at the edge, 1 above it."""
    octaves = np.log2(np.maximum(hertz, 1.0) / edge_hz)
    share: NDArray[np.float64] = np.clip(1 + octaves / CROSSFADE_OCTAVES, 0, 1)
    return share


def _minimum_phase(log_magnitude: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """The phases in radians of the minimum-phase filters with these log magnitudes (rows, size // 2 + 1)."""
    cepstrum = np.fft.irfft(log_magnitude, size, axis=1)
    cepstrum[:, 1 : size // 2] *= 2
    cepstrum[:, size // 2 + 1 :] = 0
    phase: NDArray[np.float64] = np.fft.rfft(cepstrum, axis=1).imag
    return phase
