"""Where a spectrum ends as if cut off: the trace of lossy codecs and low sampling rates in a recording.

The loud moments decide (95th percentile of each band over the song). A brick wall is an edge over which the level falls
by 20 dB within 500 Hz, and by 30 dB from the kilohertz under it to the two above. Room acoustics, microphones, tape and
tone controls roll off over octaves and make none; nor do the single partials of pure tones, between which there is
nothing. It shows that something was cut, not by what.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.signal import get_window

FRAME = 4096
BAND_HZ = 100.0
LOUD_PERCENTILE = 95.0
LOWEST_EDGE_HZ = 7000.0
BELOW_HZ, WITHIN_HZ, ABOVE_HZ = 1000.0, 500.0, 2000.0
FALL_DB, STEP_DB = 20.0, 30.0
QUIETER_BANDS = 25.0
"""Percentile of the bands under an edge that must be above it: they are full of sound, not of lines with gaps."""

FLOOR_DB = -130.0
"""The least level that a 24-bit file can hold in a band. Digital silence above an edge counts as this."""

Levels = NDArray[np.float32]

_WINDOW = get_window("blackmanharris", FRAME).astype(np.float32)
_FULL_SCALE = float(_WINDOW.sum()) / 2


def band_levels(frames: NDArray[np.float32], rate: int) -> Levels:
    """Levels in bands of 100 Hz, dB of a full-scale sine, of mono ``frames`` (n, 4096); shape (n, bands)."""
    spectra = rfft(frames * _WINDOW)
    powers = np.square(spectra.real) + np.square(spectra.imag)
    starts = np.unique((np.arange(0, rate / 2, BAND_HZ) * FRAME / rate).astype(np.int64))
    means = np.add.reduceat(powers, starts, axis=1) / np.diff(starts, append=powers.shape[1])
    levels: Levels = 10 * np.log10(means / _FULL_SCALE**2 + 10 ** (FLOOR_DB / 10))
    return levels.astype(np.float32)


def wall_hz(levels: Levels) -> float | None:
    """The frequency of the steepest brick wall from 7 kHz up, to 100 Hz; None where there is none."""
    if len(levels) == 0:
        return None
    loud_levels = np.percentile(levels, LOUD_PERCENTILE, axis=0)
    bands_below, bands_within, bands_above = (int(hz / BAND_HZ) for hz in (BELOW_HZ, WITHIN_HZ, ABOVE_HZ))
    steepest_fall, wall_edge = 0.0, None
    for edge in range(int(LOWEST_EDGE_HZ / BAND_HZ), len(loud_levels) - bands_within - bands_above + 1):
        level_below = float(np.percentile(loud_levels[edge - bands_below : edge], QUIETER_BANDS))
        fall = float(loud_levels[edge - 1] - loud_levels[edge - 1 + bands_within])
        step = level_below - float(loud_levels[edge + bands_within : edge + bands_within + bands_above].mean())
        if fall >= FALL_DB and step >= STEP_DB and fall > steepest_fall:
            steepest_fall, wall_edge = fall, edge
    return None if wall_edge is None else _middle_of_fall(loud_levels, wall_edge, bands_within) * BAND_HZ


def _middle_of_fall(loud: NDArray[np.floating], edge: int, width: int) -> int:
    """The band at which the level has fallen by half of the total, in dB."""
    half_level = (loud[edge - 1] + loud[edge - 1 + width]) / 2
    return edge + int(np.argmax(loud[edge : edge + width] < half_level))
