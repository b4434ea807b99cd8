"""A look-ahead true-peak limiter whose output never gets softer when it is driven harder.

Its gain is calculated in dB at a control rate (one point per 8 samples) from the peaks of the undriven signal,
oversampled 4x, which only shift when the drive changes. Every step of it — hinge, release, look-ahead, smoothing — is
monotone and passes on at most the change it receives, so output level rises with drive.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d, maximum_filter1d

from catalog.album.mastering import Limiting
from tasks.audio.audio import Audio, Samples
from tasks.audio.metering.true_peak import quadrupled

Curve = NDArray[np.float64]

CONTROL = 8
"""Samples between two points of the gain curve."""

OVERSAMPLING = 4
FLOOR_DB = -300.0


class Limiter:
    """Limits one piece of audio at any drive and ceiling, with one gain for both channels.

    Length and timing do not change.
    """

    def __init__(self, audio: Audio, settings: Limiting) -> None:
        self._audio = audio
        self._peaks_db = _peaks_db(audio)
        self._fall_db = settings.release_db_per_s * CONTROL / audio.rate
        self._reach = max(1, math.ceil(settings.lookahead_ms / 1000 * audio.rate / CONTROL))
        window = np.hanning(2 * self._reach + 1)
        self._smoothing = window / window.sum()

    @property
    def peak_db(self) -> float:
        """The highest peak of the undriven audio, dB."""
        return float(self._peaks_db.max())

    def gain(self, drive_db: float, ceiling_db: float) -> Curve:
        """Linear gain at the borders of the control blocks, drive included, shape (blocks + 1,); linear in between."""
        return np.asarray(10 ** ((drive_db - self._reduction_db(drive_db, ceiling_db)) / 20))

    def render(self, drive_db: float, ceiling_db: float) -> Audio:
        """The audio driven by ``drive_db`` and limited to ``ceiling_db``, except for the moving gain's overshoot."""
        gain = self.gain(drive_db, ceiling_db).astype(np.float32)
        part = np.arange(CONTROL, dtype=np.float32) / np.float32(CONTROL)
        curve = (gain[:-1, None] + np.diff(gain)[:, None] * part).ravel()[: self._audio.frames]
        return Audio(self._audio.samples * curve, self._audio.rate)

    def _reduction_db(self, drive_db: float, ceiling_db: float) -> Curve:
        needed_db = np.maximum(self._peaks_db + (drive_db - ceiling_db), 0.0)
        ramp = self._fall_db * np.arange(len(needed_db))
        held_db = np.maximum.accumulate(needed_db + ramp) - ramp
        borders = np.maximum(np.append(held_db, 0.0), np.append(0.0, held_db))
        highest_ahead = maximum_filter1d(borders, 2 * self._reach + 1, mode="nearest")
        return np.asarray(np.maximum(correlate1d(highest_ahead, self._smoothing, mode="nearest"), 0.0))


def _peaks_db(audio: Audio) -> Curve:
    """Highest true or sample peak of both channels in each control block, dB, shape (blocks,)."""
    blocks = math.ceil(audio.frames / CONTROL)
    peaks = np.zeros(blocks * CONTROL, np.float32)
    peaks[: audio.frames] = _linked(audio.samples)
    position, remainder = 0, np.zeros(0, np.float32)
    for chunk in quadrupled(audio):
        points = np.concatenate([remainder, _linked(chunk)])
        whole_points = len(points) // OVERSAMPLING * OVERSAMPLING
        point_peaks = _highest_of_each(points[:whole_points], OVERSAMPLING)
        peaks[position : position + len(point_peaks)] = np.maximum(
            peaks[position : position + len(point_peaks)], point_peaks
        )
        position, remainder = position + len(point_peaks), points[whole_points:]
    block_peaks = _highest_of_each(peaks, CONTROL).astype(np.float64)
    return np.asarray(20 * np.log10(np.maximum(block_peaks, 10 ** (FLOOR_DB / 20))))


def _linked(samples: Samples) -> Samples:
    """The larger magnitude of the channels, (channels, frames) to (frames,)."""
    return functools.reduce(np.maximum, (np.abs(channel) for channel in samples))


def _highest_of_each(points: Samples, width: int) -> Samples:
    """Maximum of each ``width`` neighbours (by strides: numpy is slow along a short axis)."""
    return functools.reduce(np.maximum, (points[offset::width] for offset in range(width)))
