"""Music-like signals for the enhancement stage: any level, width and seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from tasks.audio.audio import Audio

RATE = 44100


def music(
    *, level_db: float = 0.0, width: float = 0.5, seed: int = 1, duration_s: float = 2.0, rate: int = RATE
) -> Audio:
    """Kick, bass, chords and hats; ``width`` 0 is mono, 1 has as much side as mid, and hats lean to the left."""
    rng = np.random.Generator(np.random.PCG64(seed))
    time = np.arange(round(duration_s * rate)) / rate
    beat = (time + 0.05) % 0.5
    root = 2 * np.pi * rng.uniform(45, 90) * time
    kick = 0.5 * np.sin(2 * np.pi * 50 * beat) * np.exp(-10 * beat)
    bass = 0.2 * np.tanh(2 * np.sin(root))
    mid = kick + bass + sum(0.04 * np.sin(ratio * root) for ratio in (4, 5, 6, 40, 60))
    hats = 0.1 * rng.standard_normal((2, len(time))) * np.exp(-30 * ((time + 0.1) % 0.25)) * [[1.0], [0.7]]
    chords = 0.06 * np.sin(rng.uniform(3, 7) * root)
    side = width * (chords + hats[1])
    return Audio.of(10 ** (level_db / 20) * np.stack([mid + hats[0] + side, mid + hats[0] - side]), rate)


def low_passed(audio: Audio, hz: float) -> Audio:
    """The audio below ``hz``, as from a band-limited source."""
    sections = butter(12, hz, fs=audio.rate, output="sos")
    return Audio.of(sosfiltfilt(sections, audio.samples), audio.rate)


def high_passed(audio: Audio, hz: float) -> NDArray[np.float64]:
    """The audio above ``hz``."""
    return np.asarray(sosfiltfilt(butter(8, hz, "highpass", fs=audio.rate, output="sos"), audio.samples))
