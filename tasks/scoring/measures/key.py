"""Key estimation: a pitch-class profile from spectral peaks, compared with the profiles of the 24 keys.

Only spectral peaks count, each at its interpolated frequency, so that drums, whose spectrum is broad, have little
weight; the song's own tuning is estimated first, so that no peak lies between two notes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.signal import get_window

from catalog.album.tempo_and_key import Mode, tonic_and_mode
from catalog.selection.metrics import Measured, NotMeasurable, Reading

Vector = NDArray[np.float64]

RATE = 11025
FRAME = 8192
HOP = 2048
BATCH = 128
PEAK_HZ = (55.0, 2000.0)
PEAK_DB = -50.0
"""Peaks this far under their frame's strongest are noise and leakage."""

SIZE_POWER = 0.7
"""Peaks are weighted by their magnitude to this power: between loudness (1) and mere presence (0)."""

FRAME_POWER = 0.3
PROFILE_POWER = 0.5
"""Loud frames, and loud pitch classes, may weigh more, but not in proportion."""

BASS_PITCH, BASS_WIDTH = 40.0, 8.0
"""Peaks around MIDI pitch 40 (E2) weigh up to double: the bass plays the roots."""

PROFILES: dict[Mode, tuple[float, ...]] = {
    "major": (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
    "minor": (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
}
"""Frequency of each degree above the tonic: Albrecht and Shanahan, "The use of large corpora to train a new type of
key-finding algorithm", Music Perception 31 (2013). On guide tracks better than Krumhansl's and Temperley's."""

SHORTEST_S = 4.0
CLEAREST = 0.4
"""Correlation with the best profile under which there is no key."""


class Key(NamedTuple):
    """A key: pitch class of the tonic (C is 0), and mode."""

    tonic: int
    mode: Mode


def estimated_key(mono: NDArray[np.float32], rate: int) -> Key | NotMeasurable:
    """The key of ``mono`` samples (frames,) at ``rate`` Hz, or why there is none."""
    if len(mono) < SHORTEST_S * rate:
        return NotMeasurable(f"{len(mono) / rate:.1f} s is too short for a key, which takes {SHORTEST_S:.0f} s")
    profile = pitch_class_profile(mono, rate)
    if np.ptp(profile) == 0:
        return NotMeasurable("no pitches were found")
    fits = {
        Key(tonic, mode): float(np.corrcoef(profile, np.roll(ideal, tonic))[0, 1])
        for mode, ideal in PROFILES.items()
        for tonic in range(12)
    }
    best_key = max(fits, key=fits.__getitem__)
    return best_key if fits[best_key] >= CLEAREST else NotMeasurable("no key stands out")


def key_match(estimated: Key | NotMeasurable, stated: str | None) -> Reading:
    """The match of the estimated key to the stated one, 0 to 1: the weights of MIREX audio key detection, fifths both
    ways.

    Raises InputError where ``stated`` is no key.
    """
    if stated is None:
        return NotMeasurable.not_stated("key")
    if isinstance(estimated, NotMeasurable):
        return estimated
    return Measured(_nearness(estimated, Key(*tonic_and_mode(stated))))


def _nearness(estimated: Key, stated: Key) -> float:
    if estimated == stated:
        return 1.0
    interval = (estimated.tonic - stated.tonic) % 12
    if estimated.mode == stated.mode:
        return 0.5 if interval in (5, 7) else 0.0
    if interval == (9 if stated.mode == "major" else 3):
        return 0.3
    return 0.2 if interval == 0 else 0.0


class _Peaks(NamedTuple):
    """Spectral peaks: the frame of each, its MIDI pitch and its magnitude, all of shape (peaks,)."""

    frame: NDArray[np.int64]
    pitch: Vector
    size: Vector


def pitch_class_profile(mono: NDArray[np.float32], rate: int) -> Vector:
    """Weight of the 12 pitch classes from C, in the song's own tuning, shape (12,)."""
    peaks = _peaks(soxr.resample(mono, rate, RATE, quality="LQ"))
    weight = peaks.size**SIZE_POWER
    angle = np.angle(np.sum(weight * np.exp(2j * np.pi * peaks.pitch)))
    pitch = peaks.pitch - angle / (2 * np.pi)
    nearest_pitch = np.round(pitch).astype(np.int64)
    weight *= np.cos(np.pi * (pitch - nearest_pitch)) ** 2
    weight *= 1 + np.exp(-0.5 * np.square((peaks.pitch - BASS_PITCH) / BASS_WIDTH))
    frames = int(peaks.frame.max(initial=-1)) + 1
    chroma = np.bincount(peaks.frame * 12 + nearest_pitch % 12, weight, minlength=frames * 12).reshape(-1, 12)
    totals = chroma.sum(axis=1, keepdims=True)
    levelled_chroma: Vector = chroma / np.where(totals > 0, totals, 1.0) * totals**FRAME_POWER
    profile: Vector = levelled_chroma.sum(axis=0) ** PROFILE_POWER
    return profile


def _peaks(mono: NDArray[np.float32]) -> _Peaks:
    batches = list(_peaks_of_batches(mono))
    frames, pitches, sizes = (np.concatenate(column) for column in zip(*batches, strict=True))
    return _Peaks(frames, pitches, sizes)


def _peaks_of_batches(mono: NDArray[np.float32]) -> Iterator[_Peaks]:
    window = get_window("hann", FRAME).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(mono, FRAME // 2), FRAME)[::HOP]
    for start in range(0, len(frames), BATCH):
        yield _peaks_of(np.abs(rfft(frames[start : start + BATCH] * window)), start)


def _peaks_of(sizes: NDArray[np.float32], first_frame: int) -> _Peaks:
    """Local maxima of the spectra (frames, bins), interpolated by the parabola through their logarithms."""
    low, high = (int(hz * FRAME / RATE) for hz in PEAK_HZ)
    left, middle, right = sizes[:, low - 1 : high - 1], sizes[:, low:high], sizes[:, low + 1 : high + 1]
    loudest_bin = middle.max(axis=1, keepdims=True)
    is_peak = (middle > left) & (middle >= right) & (middle > loudest_bin * 10 ** (PEAK_DB / 20))
    frame, bin_ = np.nonzero(is_peak)
    smallest_size = np.finfo(np.float32).tiny
    level_before, peak_level, level_after = (
        np.log(np.maximum(part[frame, bin_], smallest_size), dtype=np.float64) for part in (left, middle, right)
    )
    curvature = level_before - 2 * peak_level + level_after
    offset = np.where(curvature < 0, 0.5 * (level_before - level_after) / np.where(curvature < 0, curvature, 1.0), 0.0)
    hz = (bin_ + low + offset) * RATE / FRAME
    return _Peaks(frame + first_frame, 69 + 12 * np.log2(hz / 440), middle[frame, bin_].astype(np.float64))
