"""What moves a waveform off zero after the high-pass, taken off again.

Compressor and limiter change their gain within the cycle of a lopsided wave (a saw bass, brass, a voice), so its two
halves no longer weigh the same.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from tasks.audio.audio import Audio
from tasks.mastering.plugins import PART

CORNER_HZ = 2.0
"""Of the first-order high-pass that is left: 0.02 dB at 30 Hz, and an offset follows the music within 80 ms."""

END_S = 0.05
"""Over this long before its end the song is let back to itself, so that an end at rest stays at rest."""


def without_offset(audio: Audio) -> float:
    """Take the slow mean of each channel off ``audio``, in place; returns the largest mean that was taken off.

    It starts from rest, so that silence before the song stays silent.
    """
    share = 1 - math.exp(-math.tau * CORNER_HZ / audio.rate)
    away = _let_go(min(audio.frames, math.ceil(END_S * audio.rate)))
    return max((_followed(channel, share, away) for channel in audio.samples), default=0.0)


def _followed(channel: NDArray[np.float32], share: float, away: NDArray[np.float64]) -> float:
    state, taken = np.zeros(1), 0.0
    ending = len(channel) - len(away)
    for start in range(0, len(channel), PART):
        part = channel[start : start + PART]
        mean, state = lfilter([share], [1.0, share - 1.0], part.astype(np.float64), zi=state)
        first = max(0, ending - start)  # of this part, from where on it is let go
        if first < len(mean):
            done = start + first - ending
            mean[first:] *= away[done : done + len(mean) - first]
        part -= mean.astype(np.float32)
        taken += float(mean.sum())
    return abs(taken) / max(1, len(channel))


def _let_go(frames: int) -> NDArray[np.float64]:
    """From one to nothing, half a period of a cosine that reaches nothing on the last frame."""
    return np.asarray(np.cos(np.arange(1, frames + 1) / max(1, frames) * (math.pi / 2)) ** 2)
