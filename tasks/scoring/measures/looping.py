"""Whether one segment of five seconds repeats again and again: a generator that got stuck, or music made that way.

Most songs repeat themselves, but not exactly: a chorus has other words, a player varies. What a model sings when it is
caught in a loop is the same. Every segment is compared with every other by the correlation of its levels in bands, each
relative to the song's own mean, which measures what is audible and not the exact samples: a loop through a codec, a
little louder or under a little noise, still is one. Passages that only resemble each other stay under the limit: the
closest two in tracks of the guide engine reach 0.96.

But a drum machine, or a sample that is laid end to end, does the same on purpose: a drum'n'bass loop reads 1, with a
bass line of four bars 0.5, four bars of distorted chords 0.6. So this is a description and no reason to reject; it
causes a warning, and a policy for songs that must not loop may gate it. A static sound, a held chord or a drone, has no
distinct segments, and reads 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.signal import get_window

from catalog.selection.metrics import Measured, Window
from tasks.audio.audio import Audio
from tasks.scoring.measures.waveform import SILENCE_DBFS

STRETCH_S = 5.0
SAME = 0.98
"""Correlation from which two segments count as the same."""

FRAME_S = 0.093
FRAMES_IN_FRAME = 4
"""Frames overlap by three quarters: a loop need not be a whole number of frames long."""

THINNED = 4
"""Every fourth frame of a segment is compared: those between repeat the content of their neighbours."""

BANDS = 16
BAND_HZ = (60.0, 12000.0)
FLOOR_DB = -70.0
BATCH = 128

STILL_DB = 2.0
STILL_RANGE_DB = 40.0
"""A segment whose bands deviate from their own mean by less than this, however its loudness swells, is static: a drone
deviates by 0, a held chord of saws by 0.8, noise by 1.9; distorted chords by 2.6 and more, drums by 5. Only audible
levels count."""

Levels = NDArray[np.float32]
Numbers = NDArray[np.int64]


def looping_ratio(audio: Audio) -> Measured:
    """The largest share of the song that one segment of 5 s covers by its repeats; 0 where none repeats.

    Audio shorter than two segments has no repeat. The windows are the positions of the repeats, each with the value 1.
    A segment counts as repeated only where the repeat does not overlap it; a static one does not count.
    """
    levels, frame_s = band_levels(audio)
    length = round(STRETCH_S / frame_s)
    if len(levels) < 2 * length:
        return Measured(0.0)
    likeness = _likeness(levels, length)
    best_share, places = 0.0, list[int]()
    for column, start in enumerate(range(0, likeness.shape[0], length // 2)):
        hits = np.flatnonzero(likeness[:, column] >= SAME)
        if np.any(np.abs(hits - start) >= length):
            share = _covered(hits, length, len(levels)) / len(levels)
            if share > best_share:
                best_share, places = share, _apart(hits, length)
    return Measured(
        best_share, tuple(Window(float(place * frame_s), float((place + length) * frame_s), 1.0) for place in places)
    )


def band_levels(audio: Audio) -> tuple[Levels, float]:
    """Levels in dB in 16 bands of equal width in octaves, shape (frames, bands), and the seconds from frame to frame.

    Levels are limited to 70 dB under the loudest, and to -60 dBFS.
    """
    size = 1 << max(8, round(np.log2(FRAME_S * audio.rate)))
    hop = size // FRAMES_IN_FRAME
    if audio.frames < size:
        return np.zeros((0, BANDS), np.float32), hop / audio.rate
    window = get_window("hann", size).astype(np.float32)
    mono = audio.samples.mean(axis=0)
    frames = np.lib.stride_tricks.sliding_window_view(mono, size)[::hop]
    top_hz = min(BAND_HZ[1], 0.45 * audio.rate)
    edges = np.unique(np.round(np.geomspace(BAND_HZ[0], top_hz, BANDS + 1) * size / audio.rate).astype(np.int64))
    powers = np.empty((len(frames), len(edges) - 1), np.float32)
    for start in range(0, len(frames), BATCH):
        spectra = rfft(frames[start : start + BATCH] * window)
        sizes = np.square(spectra.real) + np.square(spectra.imag)
        powers[start : start + BATCH] = np.add.reduceat(sizes, edges, axis=1)[:, :-1]
    silent_power = size * float(np.square(window).sum()) / 2 * 10 ** (SILENCE_DBFS / 10)
    floor = max(float(powers.max()) * 10 ** (FLOOR_DB / 10), silent_power)
    levels: Levels = 10 * np.log10(np.maximum(powers, np.float32(floor)) / np.float32(floor))
    return levels, hop / audio.rate


def _likeness(levels: Levels, length: int) -> NDArray[np.float32]:
    """Correlation of the segment at each frame with those at each half length, shape (segments, templates).

    Static and silent segments match nothing.
    """
    deviations = levels - levels.mean(axis=0)
    stretches = np.lib.stride_tricks.sliding_window_view(deviations, length, axis=0)[:, :, ::THINNED]
    flat_stretches = np.ascontiguousarray(stretches, dtype=np.float32).reshape(len(stretches), -1)
    flat_stretches -= flat_stretches.mean(axis=1, keepdims=True)
    flat_stretches /= np.maximum(np.linalg.norm(flat_stretches, axis=1), np.finfo(np.float32).tiny)[:, None]
    likeness = flat_stretches @ flat_stretches[:: length // 2].T
    is_still = _still(levels, length)
    likeness[is_still] = 0.0
    likeness[:, is_still[:: length // 2]] = 0.0
    return likeness


def _still(levels: Levels, length: int) -> NDArray[np.bool_]:
    """Which segments are static, by the deviation of the spectrum's shape from its mean; silent ones are."""
    level_shape = np.maximum(levels, max(0.0, float(levels.max()) - STILL_RANGE_DB)).astype(np.float64)
    level_shape -= level_shape.mean(axis=1, keepdims=True)
    sums = np.pad(np.cumsum(level_shape, axis=0), ((1, 0), (0, 0)))
    squares = np.pad(np.cumsum(np.square(level_shape), axis=0), ((1, 0), (0, 0)))
    means = (sums[length:] - sums[:-length]) / length
    variances = (squares[length:] - squares[:-length]) / length - np.square(means)
    is_still: NDArray[np.bool_] = variances.mean(axis=1) < STILL_DB**2
    return is_still


def _covered(starts: Numbers, length: int, frames: int) -> int:
    """The number of frames that the segments at ``starts`` cover."""
    ends = np.append(starts[1:], frames)
    return int(np.minimum(ends - starts, length).sum())


def _apart(starts: Numbers, length: int) -> list[int]:
    """Those of ``starts`` whose segments do not overlap, from the first on."""
    kept_starts: list[int] = []
    for start in starts.tolist():
        if not kept_starts or start >= kept_starts[-1] + length:
            kept_starts.append(start)
    return kept_starts
