"""Remove the offset that dynamics added after the high-pass.

Compressor and limiter change their gain within the cycle of an asymmetric wave (a saw bass, brass, a voice), so its two
halves no longer balance: the mean of a loud master reaches 0.01 of full scale. Another high-pass would undo part of the
limiting (0.3 dB of loudness at 2 Hz). Subtracting a share of the sound's own level envelope costs a tenth of that, is
zero in silence, and does not change the spectrum.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from tasks.audio.audio import Audio, Samples

FOLLOW_HZ = 5.0
"""Corner frequency of the envelope's smoothing: below hearing, and at rest 0.4 s after the sound."""

CONTROL = 64
"""Samples between two points of the envelope, which is linear in between."""

END_S = 0.05
"""Over this long before the end the envelope falls to zero, so that an end at rest stays at rest."""


def without_offset(audio: Audio) -> float:
    """Remove the mean of each channel from ``audio`` (channels, frames), in place; returns the largest one removed."""
    return max((_centre(channel, audio.rate) for channel in audio.samples), default=0.0)


def _centre(channel: Samples, rate: int) -> float:
    course = _course(channel, rate)
    total = float(course.sum(dtype=np.float64))
    if total <= 0:
        return 0.0
    mean = float(channel.mean(dtype=np.float64))
    course *= np.float32(mean / total * len(channel))
    channel -= course
    return abs(mean)


def _course(channel: Samples, rate: int) -> Samples:
    """The smoothed magnitude of a channel (frames,), zero on its first and last sample."""
    blocks = max(0, len(channel) - 1) // CONTROL
    magnitudes = np.abs(channel[: blocks * CONTROL]).reshape(blocks, CONTROL) @ np.full(
        CONTROL, 1 / CONTROL, np.float32
    )
    smoothing = 1 - math.exp(-math.tau * FOLLOW_HZ * CONTROL / rate)
    points = np.zeros(blocks + 2)
    points[1:-1] = lfilter([smoothing], [1.0, smoothing - 1.0], magnitudes.astype(np.float64))
    decay = _let_go(min(blocks, math.ceil(END_S * rate / CONTROL)))
    points[blocks + 1 - len(decay) : -1] *= decay
    line = points.astype(np.float32)
    part = np.arange(CONTROL, dtype=np.float32) / np.float32(CONTROL)
    return (line[:-1, None] + np.diff(line)[:, None] * part).ravel()[: len(channel)]


def _let_go(points: int) -> NDArray[np.float64]:
    """A fall from one to zero, half a period of a cosine that reaches zero on the last point."""
    return np.append(np.cos(np.arange(1, points) / max(1, points) * (math.pi / 2)) ** 2, 0.0)[:points]
