"""Tempo estimation: onset strength by spectral flux, then the period that explains it over the whole song.

Candidate periods are weighted by autocorrelation times Fourier magnitude of the onset curve (Peeters, "Template-based
estimation of time-varying tempo", 2007): the first repeats at multiples of the period, the second at multiples of its
frequency, so only the beat itself is strong in both. The winner is refined to a hundredth of a BPM by the Fourier
magnitudes of its beat and of its subdivisions over the whole length, which a peak of the autocorrelation cannot give.
"""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.fft import irfft, rfft
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.signal import get_window

from catalog.selection.metrics import Measured, NotMeasurable, Reading

Curve = NDArray[np.float64]

RATE = 22050
FRAME = 1024
HOP = 220
FRAMES_PER_S = RATE / HOP
BANDS = 40
BAND_HZ = (40.0, 10000.0)
BATCH = 1024
COMPRESSION = 1000.0

MIN_BPM, MAX_BPM = 50.0, 210.0
FAVOURED_BPM, FAVOUR_OCTAVES = 115.0, 0.9
"""People tap near two beats a second (Parncutt 1994): a wide bell over the octaves selects the metrical level."""

SHORTEST_S = 6.0
CLEAREST = 0.1
"""Autocorrelation under which there is no pulse; that of a minute of noise stays under 0.05."""

TOLERATED = (1 / 3, 1 / 2, 1.0, 2.0, 3.0)
"""Metrical levels at which a tempo still counts as met (the Acc2 of tempo evaluation)."""

EXACT, WORTHLESS = 0.002, 0.08
"""Relative error that still counts as none (the resolution of the estimate), and the one at which the match is 0."""


def tempo_bpm(mono: NDArray[np.float32], rate: int) -> Reading:
    """Tempo of ``mono`` samples (frames,), 50 to 210 BPM, to 0.01 BPM; not measurable without a steady pulse."""
    if len(mono) < SHORTEST_S * rate:
        return NotMeasurable(f"{len(mono) / rate:.1f} s is too short for a tempo, which takes {SHORTEST_S:.0f} s")
    return _tempo(onset_curve(mono, rate))


def tempo_match(estimated: Reading, stated_bpm: float | None) -> Reading:
    """The match of the estimated tempo to the stated one at the metrical level that fits best, 0 to 1."""
    if stated_bpm is None:
        return NotMeasurable.not_stated("tempo")
    if isinstance(estimated, NotMeasurable):
        return estimated
    error = min(abs(estimated.value / (stated_bpm * level) - 1) for level in TOLERATED)
    return Measured(min(1.0, max(0.0, 1 - (error - EXACT) / (WORTHLESS - EXACT))))


def onset_curve(mono: NDArray[np.float32], rate: int) -> Curve:
    """Onset strength of samples (frames,), :data:`FRAMES_PER_S` values per second, about zero where nothing begins.

    Rise of the compressed level in bands of equal width in octaves, against the loudest neighbouring band one frame
    before (Böck and Widmer, "Maximum filter vibrato suppression", 2013), less its own mean over the surrounding half
    second.
    """
    bands = _band_levels(soxr.resample(mono, rate, RATE, quality="LQ"))
    previous_bands = maximum_filter1d(bands[:-1], 3, axis=1)
    flux = np.maximum(bands[1:] - previous_bands, 0.0).mean(axis=1, dtype=np.float64)
    curve: Curve = np.maximum(flux - uniform_filter1d(flux, round(FRAMES_PER_S / 2)), 0.0)
    return curve


def _band_levels(mono: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compressed levels relative to the loudest moment, shape (frames, bands)."""
    edges = np.geomspace(*BAND_HZ, BANDS + 1) * FRAME / RATE
    starts = np.unique(np.round(edges).astype(np.int64))
    window = get_window("hann", FRAME).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(mono, FRAME // 2), FRAME)[::HOP]
    levels = np.empty((len(frames), len(starts) - 1), np.float32)
    for start in range(0, len(frames), BATCH):
        sizes = np.abs(rfft(frames[start : start + BATCH] * window))
        levels[start : start + BATCH] = np.add.reduceat(sizes, starts, axis=1)[:, :-1]
    highest_level = float(levels.max())
    compressed_levels: NDArray[np.float32] = (
        np.log1p(levels * np.float32(COMPRESSION / highest_level)) if highest_level > 0 else levels
    )
    return compressed_levels


def _tempo(curve: Curve) -> Reading:
    centred_curve = curve - curve.mean()
    energy = float(centred_curve @ centred_curve)
    if energy <= 0:
        return NotMeasurable("there are no onsets, so there is no pulse")
    size = 1 << (8 * len(centred_curve) - 1).bit_length()
    spectrum = np.abs(rfft(centred_curve, size)) / np.sqrt(energy * len(centred_curve))
    repeats = irfft(np.square(np.abs(rfft(centred_curve, size))), size)[: len(centred_curve)] / energy
    repeats *= len(centred_curve) / np.arange(len(centred_curve), 0, -1)
    grid = np.geomspace(MIN_BPM, MAX_BPM, 1500)
    periods = FRAMES_PER_S * 60 / grid
    beat_repeats = np.interp(periods, np.arange(len(repeats)), repeats)
    favour = np.exp(-0.5 * np.square(np.log2(grid / FAVOURED_BPM) / FAVOUR_OCTAVES))
    weight = np.maximum(beat_repeats, 0.0) * _at(spectrum, grid, size) * favour
    best_index = int(np.argmax(weight))
    if beat_repeats[best_index] < CLEAREST:
        return NotMeasurable("no steady pulse was found")
    return Measured(_refined(spectrum, float(grid[best_index]), size))


def _refined(spectrum: Curve, bpm: float, size: int) -> float:
    """The tempo within 2 % at which the sum of the beat and its subdivisions is strongest."""
    tempos_bpm = np.arange(bpm * 0.98, bpm * 1.02, 0.01)
    strength = sum(_at(spectrum, tempos_bpm * part, size) for part in (1, 2, 4))
    return round(float(tempos_bpm[np.argmax(strength)]), 2)


def _at(spectrum: Curve, bpm: Curve, size: int) -> Curve:
    """Fourier magnitude at tempos in BPM, of the same shape."""
    return np.interp(bpm / 60 / FRAMES_PER_S * size, np.arange(len(spectrum)), spectrum)
