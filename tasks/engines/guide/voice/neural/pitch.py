"""The pitch of a voice that speaks, which its envelopes are read by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from tasks.engines.guide.voice.vocoder import FRAME_S

PITCH_RANGE_HZ = (60.0, 300.0)
CANDIDATES = 72
WINDOW_S = 0.040
FFT_SIZE = 2048
BAND_HZ = 2000.0
LEAST_POWER = 1e-12
CHANGE_COST = 0.05
"""Of each step among the candidates from frame to frame, against a correlation of 0 to 1."""

OCTAVE_COST = 0.03
"""Of each octave down: what repeats with a period repeats with its double too."""


def spoken_pitch_hz(samples: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    """Of a frame every 5 ms the pitch in Hz at which it repeats best, one of ``CANDIDATES``, that changes least; a
    guess where nothing repeats.

    The correlation of a window with itself is that of its power spectrum with a cosine, over that of the window's own.
    """
    power, window = _power(samples, rate_hz)
    hertz = np.geomspace(*PITCH_RANGE_HZ, CANDIDATES)
    cosines = np.cos(2 * np.pi * np.arange(FFT_SIZE // 2 + 1)[:, None] * (rate_hz / hertz) / FFT_SIZE)
    low = np.arange(FFT_SIZE // 2 + 1) * rate_hz / FFT_SIZE < BAND_HZ
    correlation = (power[:, low] @ cosines[low]) / (power[:, low].sum(axis=1, keepdims=True) + LEAST_POWER)
    scores = correlation / (window @ cosines / window.sum()) + OCTAVE_COST * np.log2(hertz / PITCH_RANGE_HZ[0])
    found: NDArray[np.float64] = hertz[_smoothest(scores)]
    return found


def _power(samples: NDArray[np.float64], rate_hz: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The power spectra of windows around each frame, and that of the window; bins of both signs of frequency."""
    half = round(WINDOW_S / 2 * rate_hz)
    shape = np.hanning(2 * half + 1)
    centres = np.round(np.arange(0, len(samples), FRAME_S * rate_hz)).astype(np.int64)
    frames = np.pad(samples, half + 1)[centres[:, None] + 1 + np.arange(2 * half + 1)]
    both_signs = np.ones(FFT_SIZE // 2 + 1)
    both_signs[1:-1] = 2
    power = np.abs(fft.rfft(frames * shape, FFT_SIZE, axis=1)) ** 2 * both_signs
    return power, np.abs(fft.rfft(shape, FFT_SIZE)) ** 2 * both_signs


def _smoothest(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """The path through the candidates of all frames with the highest sum of scores less the costs of changes."""
    steps = np.arange(scores.shape[1])
    cost = CHANGE_COST * np.abs(steps[:, None] - steps)
    best = np.zeros(scores.shape, dtype=np.int64)
    total = scores[0]
    for frame in range(1, len(scores)):
        reached = total[:, None] - cost
        best[frame] = reached.argmax(axis=0)
        total = reached[best[frame], steps] + scores[frame]
    path = [int(total.argmax())]
    for frame in range(len(scores) - 1, 0, -1):
        path.append(int(best[frame, path[-1]]))
    return np.array(path[::-1], dtype=np.int64)
