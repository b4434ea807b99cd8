"""The signals of EBU Tech 3341 and 3342 that can be synthesised (Tables 1, November 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin, lfilter, oaconvolve

from tasks.audio.audio import Audio

TONE_HZ = 1000.0
SILENT_DB = -1000.0
Segment = tuple[float, float]


def tone(segments: Sequence[Segment], rate: int, *, channels: int = 2) -> Audio:
    """An in-phase sine through all (seconds, peak dBFS) segments, with continuous phase."""
    return Audio.of(np.tile(_line(segments, rate), (channels, 1)), rate)


def surround(levels_db: Sequence[float], duration_s: float, rate: int) -> Audio:
    """One level for each channel."""
    return Audio.of(np.stack([_line([(duration_s, level)], rate) for level in levels_db]), rate)


def _line(segments: Sequence[Segment], rate: int) -> NDArray[np.float64]:
    gain = np.concatenate([np.full(round(seconds * rate), 10 ** (level / 20)) for seconds, level in segments])
    return np.asarray(gain * np.sin(2 * np.pi * TONE_HZ / rate * np.arange(len(gain))))


def tapered(divisor: float, degrees: float, amplitude: float, rate: int) -> Audio:
    """Cases 15 to 19: a sine of rate / divisor at a phase, 1 s, with tapers of 10 ms."""
    frames, taper = rate, rate // 100
    line = amplitude * np.sin(2 * np.pi / divisor * np.arange(frames) + np.radians(degrees))
    ramp = np.arange(taper) / taper
    line[:taper] *= ramp
    line[-taper:] *= ramp[::-1]
    return Audio.of(np.stack([line, line]), rate)


def burst(offset: int, rate: int) -> Audio:
    """Cases 20 to 23: fs/6 at half scale around one period of fs/4 at full scale, decimated from 4 fs at an offset."""
    around = 0.5 * np.sin(2 * np.pi / 24 * np.arange(24 * 400))
    peak = np.sin(2 * np.pi / 16 * np.arange(16))
    fine = np.concatenate([around, peak, around])
    low_pass = firwin(2001, 0.235, window=("kaiser", 10.0))
    line = oaconvolve(fine, low_pass, mode="same")[offset::4]
    taper = np.minimum(1.0, np.minimum(np.arange(len(line)), np.arange(len(line))[::-1]) / (rate // 100))
    return Audio.of(np.tile(line * taper, (2, 1)), rate)


def music_like(duration_s: float, rate: int, seed: int) -> Audio:
    """Decaying notes over coloured noise, with loud and soft passages, different in both channels."""
    rng = np.random.Generator(np.random.PCG64(seed))
    frames = round(duration_s * rate)
    time = np.arange(frames) / rate
    lines = lfilter([0.01], [1, -0.9], rng.standard_normal((2, frames)))
    for onset in np.arange(0.0, duration_s, 0.37):
        since = time - onset
        envelope = np.where(
            since >= 0, np.exp(-4 * np.maximum(since, 0)) * np.minimum(1, np.maximum(since, 0) * 200), 0
        )
        hz, pan = 55 * 2 ** (rng.integers(0, 48) / 12), rng.uniform(0.2, 0.8)
        lines += np.array([[1 - pan], [pan]]) * envelope * np.sin(2 * np.pi * hz * since) * 0.4
    return Audio.of(lines * np.where(time % 8 < 4, 1.0, 0.3), rate)
