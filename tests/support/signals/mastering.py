"""Synthetic signals of the kinds that mastering must handle."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tasks.audio.audio import Audio

RATE = 44100
Samples = NDArray[np.float64]


def song(duration_s: float = 5.0, *, seed: int = 1, rate: int = RATE) -> Samples:
    """Drums, bass and chords with a soft start; about -17 LUFS with peaks near 0 dBFS, shape (2, frames)."""
    rng = np.random.Generator(np.random.PCG64(seed))
    frames = round(duration_s * rate)
    time = np.arange(frames) / rate
    beat = time % 0.5
    kick = 0.7 * np.sin(2 * np.pi * (50 * beat + 4 * (1 - np.exp(-30 * beat)))) * np.exp(-10 * beat)
    snare = 0.25 * rng.standard_normal((2, frames)) * np.exp(-20 * ((time + 0.5) % 1.0))
    root = 55 * 2 ** (np.array([0, 3, -2, 5])[(time // 2).astype(int) % 4] / 12)
    phase = 2 * np.pi * np.cumsum(root) / rate
    bass = 0.25 * np.tanh(2 * np.sin(phase))
    chords = [0.08 * np.sin(ratio * phase + np.array([[0.0], [ratio]])) for ratio in (4, 5, 6, 8)]
    mix = kick + bass + snare + np.sum(chords, axis=0)
    return np.asarray(0.6 * mix * np.where(time < duration_s / 4, 0.4, 1.0))


def dense(duration_s: float = 5.0, *, seed: int = 1) -> Samples:
    """A saturated song, which can therefore be made loud."""
    return np.tanh(3 * song(duration_s, seed=seed))


def noise(level_db: float, duration_s: float = 4.0) -> Samples:
    rng = np.random.Generator(np.random.PCG64(2))
    return np.asarray(10 ** (level_db / 20) * rng.standard_normal((2, round(duration_s * RATE))))


def tone(hz: float, *, degrees: float = 0.0, peak: float = 0.5, duration_s: float = 4.0) -> Samples:
    line = peak * np.sin(2 * np.pi * hz / RATE * np.arange(round(duration_s * RATE)) + np.radians(degrees))
    return np.stack([line, line])


def impulses() -> Samples:
    lines = np.zeros((2, 6 * RATE))
    lines[:, ::RATE] = 0.9
    return lines


def saw_bass(duration_s: float = 6.0) -> Samples:
    """A plucked band-limited saw of 55 Hz under drums and a pad: each cycle is asymmetric."""
    time = np.arange(round(duration_s * RATE)) / RATE
    saw = np.sum([np.sin(2 * np.pi * 55 * k * time) / k for k in range(1, 40)], axis=0) * np.exp(-2 * (time % 0.5))
    hits = np.random.Generator(np.random.PCG64(6)).standard_normal((2, len(time))) * np.exp(-25 * (time % 0.5))
    pad = np.sum([np.sin(2 * np.pi * hz * time) for hz in (220, 277, 330)], axis=0)
    return np.asarray(0.35 * saw + 0.1 * hits + 0.05 * pad)


def brass(duration_s: float = 6.0) -> Samples:
    """Pulses of two players, all harmonics in phase, in decaying notes."""
    time = np.arange(round(duration_s * RATE)) / RATE
    low, high = (
        np.sum([np.cos(2 * np.pi * hz * k * time) * 0.5**k for k in range(1, 20)], axis=0) for hz in (110, 165)
    )
    low, high = low * (0.3 + 0.7 * np.exp(-4 * (time % 0.75))), high * np.exp(-3 * (time % 1.5))
    return np.stack([0.2 * low + 0.1 * high, 0.2 * low + 0.05 * high])


def _with(samples: Samples, value: float) -> Samples:
    samples[1, 777] = value
    return samples


REACHABLE: dict[str, Callable[[], Samples]] = {
    "song": song,
    "dense song": dense,
    "20 dB up": lambda: 10 * song(),
    "50 dB down": lambda: 10**-2.5 * song(),
    "DC": lambda: song() + 0.4,
    "clipped": lambda: np.clip(8 * song(), -1, 1),
    "anti-phase": lambda: song() * np.array([[1], [-1]]),
    "white noise": lambda: noise(-20),
    "sine": lambda: tone(997),
    "fs/4 tone": lambda: tone(RATE / 4, degrees=45),
    "square": lambda: 0.5 * np.sign(tone(110, degrees=3)),
    "400 ms": lambda: song()[:, 3 * RATE : 3 * RATE + RATE * 4 // 10],
    "1 s": lambda: song()[:, 3 * RATE : 4 * RATE],
    "fade-out": lambda: song() * np.linspace(1, 0, 5 * RATE),
    "half silence": lambda: np.pad(song(5), ((0, 0), (0, 5 * RATE))),
    "mono": lambda: song()[:1],
    "hard left": lambda: song() * np.array([[1], [0]]),
}

REFUSED: dict[str, tuple[str, Callable[[], Samples]]] = {
    "silence": ("silent", lambda: np.zeros((2, RATE))),
    "noise at -90 dBFS": ("silent", lambda: noise(-90)),
    "DC alone": ("silent", lambda: np.full((2, 2 * RATE), 0.4)),
    "300 ms": ("too_short", lambda: song()[:, : RATE * 3 // 10]),
    "one NaN": ("invalid", lambda: _with(song(), np.nan)),
    "one inf": ("invalid", lambda: _with(song(), np.inf)),
    "empty": ("invalid", lambda: np.zeros((2, 0))),
    "three channels": ("invalid", lambda: np.repeat(song()[:1], 3, axis=0)),
}


def audio(samples: Samples, rate: int = RATE) -> Audio:
    return Audio.of(samples, rate)
