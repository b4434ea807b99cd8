"""Readings of single tones for tests of instruments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 44100
LINES = 1 << 19

Signal = NDArray[np.float32]


def cents_off(tone: Signal, pitch: int) -> float:
    """How far the strongest line near a MIDI pitch lies from it, cents; ``tone`` is (frames,)."""
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(len(tone)), LINES))
    wanted_hz = 440 * 2 ** ((pitch - 69) / 12)
    low, high = (round(wanted_hz * 2 ** (cents / 1200) * LINES / RATE) for cents in (-150, 150))
    heard_hz = (low + int(np.argmax(spectrum[low:high]))) * RATE / LINES
    return float(1200 * np.log2(heard_hz / wanted_hz))


def centroid_hz(tone: Signal) -> float:
    """The mean frequency of a tone's power, (frames,)."""
    power = np.abs(np.fft.rfft(tone)) ** 2
    return float((power * np.fft.rfftfreq(len(tone), 1 / RATE)).sum() / power.sum())


def peak_dbfs(sound: Signal) -> float:
    """Sample peak."""
    return float(20 * np.log10(np.abs(sound).max(initial=0.0) + 1e-12))
