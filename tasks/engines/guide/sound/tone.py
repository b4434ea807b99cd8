"""Brings a mix nearer to the spectrum of finished records: one gentle equaliser, the same for all stems.

A linear filter on every stem is the same as on their sum, so the stems still add up to the mix.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from scipy.signal import sosfilt

from catalog.album.mastering import Tone
from tasks.audio.audio import Audio
from tasks.engines.guide.sound.source import RATE, Sound
from tasks.mastering.analysis.curves import named_curve
from tasks.mastering.analysis.spectrum import CENTRES_HZ, third_octaves

OCTAVES_HZ = (63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
MOST_DB = 4.0
SHARE = 0.85
"""Of the difference from the curve that is corrected: neighbouring bands of the equaliser overlap."""

EMPTY_DB = 24.0
"""A band so far under the curve holds no music and is not lifted."""

WINDOW = 1 << 13
LOOK_EVERY = 4
QUALITY = 1.3
LEAST_DB = 0.4
"""Smaller corrections are left out."""

IN_DOUBLE = 2
"""The filters of the lowest octaves are computed in double precision: all in single err by -70 dB, so by -91."""

Gains = NDArray[np.float64]
"""dB at each of :data:`OCTAVES_HZ`."""


def towards(stems: Collection[Sound], tone: Tone) -> None:
    """Filter stems, each (2, frames), in place, so that their sum comes nearer to a curve, by up to ``MOST_DB``."""
    gains = correction_db(stems, tone)
    heard = np.abs(gains) >= LEAST_DB
    sections = _sections(gains)
    low, high = sections[:IN_DOUBLE][heard[:IN_DOUBLE]], sections[IN_DOUBLE:][heard[IN_DOUBLE:]].astype(np.float32)
    for stem in stems:
        if stem.any():
            stem[:] = _through(_through(_distinct(stem), low), high)


def _distinct(stem: Sound) -> Sound:
    """One channel of two that are equal, else both."""
    return stem[:1] if np.array_equal(stem[0], stem[1]) else stem


def _through(sound: Sound, sections: NDArray[np.floating]) -> Sound:
    if not len(sections):
        return sound
    filtered_sound: Sound = sosfilt(sections, sound).astype(np.float32, copy=False)
    return filtered_sound


def correction_db(stems: Collection[Sound], tone: Tone) -> Gains:
    """The gains that bring the sum of stems nearer to a curve; zeros for silence or a sound shorter than a window."""
    levels = _octave_levels(third_octaves(Audio(excerpts(stems), RATE)).levels_db)
    if not np.isfinite(levels).any():
        return np.zeros(len(OCTAVES_HZ))
    difference = _octave_levels(named_curve(tone).levels_db) - np.where(np.isfinite(levels), levels, -np.inf)
    is_empty = ~np.isfinite(difference) | (difference - difference[np.isfinite(difference)].min() > EMPTY_DB)
    difference[is_empty] = 0.0
    difference[~is_empty] -= difference[~is_empty].mean()
    gains: Gains = np.clip(SHARE * difference, -MOST_DB, MOST_DB)
    return gains


def excerpts(stems: Collection[Sound]) -> Sound:
    """Every fourth window of the sum of the stems, one after the other."""
    frames = next(iter(stems)).shape[1]
    count = max(1, frames // (WINDOW * LOOK_EVERY))
    excerpts = np.zeros((2, count * WINDOW), dtype=np.float32)
    for index in range(count):
        start = index * WINDOW * LOOK_EVERY
        for stem in stems:
            piece = stem[:, start : start + WINDOW]
            excerpts[:, index * WINDOW : index * WINDOW + piece.shape[1]] += piece
    return excerpts


def _octave_levels(levels_db: Gains) -> Gains:
    """The mean power of the three third-octaves of each octave, dB."""
    powers = 10 ** (levels_db / 10)
    nearest = [int(np.argmin(np.abs(np.log2(CENTRES_HZ / hz)))) for hz in OCTAVES_HZ]
    with np.errstate(divide="ignore"):
        octaves: Gains = 10 * np.log10(np.array([powers[index - 1 : index + 2].mean() for index in nearest]))
    return octaves


def _sections(gains_db: Gains) -> NDArray[np.float64]:
    """A low shelf, six peaks and a high shelf (Bristow-Johnson's cookbook forms), shape (8, 6)."""
    last = len(OCTAVES_HZ) - 1
    rows = []
    for index, (centre_hz, gain_db) in enumerate(zip(OCTAVES_HZ, gains_db, strict=True)):
        if index == 0:
            rows.append(_shelf(centre_hz * 2**0.5, float(gain_db), high=False))
        elif index == last:
            rows.append(_shelf(centre_hz / 2**0.5, float(gain_db), high=True))
        else:
            rows.append(_peak(centre_hz, float(gain_db)))
    return np.array(rows)


def _peak(centre_hz: float, gain_db: float) -> NDArray[np.float64]:
    amplitude, angle = 10 ** (gain_db / 40), 2 * np.pi * centre_hz / RATE
    alpha, middle = np.sin(angle) / (2 * QUALITY), -2 * np.cos(angle)
    up, down = alpha * amplitude, alpha / amplitude
    row: NDArray[np.float64] = np.array([1 + up, middle, 1 - up, 1 + down, middle, 1 - down]) / (1 + down)
    return row


def _shelf(corner_hz: float, gain_db: float, *, high: bool) -> NDArray[np.float64]:
    """A shelf of quality 0.7; of a high one the signs of the cosine's terms turn."""
    a, angle = 10 ** (gain_db / 40), 2 * np.pi * corner_hz / RATE
    sign = -1.0 if high else 1.0
    cosine, slope = sign * np.cos(angle), 2 * np.sqrt(a) * np.sin(angle) / (2 * 0.707)
    b = (a * ((a + 1) - (a - 1) * cosine + slope), sign * 2 * a * ((a - 1) - (a + 1) * cosine))
    d = ((a + 1) + (a - 1) * cosine + slope, -sign * 2 * ((a - 1) + (a + 1) * cosine))
    b_last, d_last = a * ((a + 1) - (a - 1) * cosine - slope), (a + 1) + (a - 1) * cosine - slope
    row: NDArray[np.float64] = np.array([*b, b_last, *d, d_last]) / d[0]
    return row
