"""Cymbals, jingles and shakers: the many modes of metal in bands that die at their own speeds, over square waves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfftfreq

from tasks.engines.guide.sound.source import RATE, Sound
from tasks.engines.guide.sound.synthesis.signals import (
    at_peak,
    band_pass,
    cycles_at,
    decay,
    high_pass,
    noise,
    random,
    rise,
)

SIX_PARTIALS_HZ = (205.3, 304.4, 369.6, 522.7, 540.0, 800.0)
"""The oscillators of the classic drum machine's metallic voices."""

WIDTH = 0.4
MODES = 260
MODE_WIDTH_HZ = 2.2
MODES_FROM_HZ, MODES_TO_HZ = 350.0, 17_000.0
GREATER_DB = 7.0
BAND_EDGE = 0.16


@dataclass(frozen=True, slots=True)
class Metal:
    """A cymbal or hat.

    ``bands`` are (low Hz, high Hz, share, seconds to -60 dB) of its modes; ``hiss`` is the level of noise between them
    against their mean; ``cluster`` is the share of six square waves at ``pitch`` times their usual frequency,
    high-passed at ``cluster_hz`` and as long as the first band; ``ping`` the share of the stick; ``swell_s`` the time
    of the rise.
    """

    bands: tuple[tuple[float, float, float, float], ...]
    cluster: float = 0.5
    cluster_hz: float = 6500.0
    pitch: float = 1.0
    ping: float = 0.3
    ping_hz: tuple[float, float] = (2500.0, 5500.0)
    swell_s: float = 0.0008
    bell_hz: tuple[float, ...] = ()
    hiss: float = 0.5

    @property
    def length_s(self) -> float:
        """Seconds of one stroke."""
        return 1.05 * max(band[3] for band in self.bands)

    def stroke(self, brightness: float) -> Sound:
        """One stroke (2, frames), wide; soft strokes have less above 8 kHz and less of the stick."""
        frames = round(self.length_s * RATE)
        rng = random("metal", round(1000 * self.pitch))
        spectrum = _modes(rng, frames, self.pitch, self.hiss)
        sound = np.zeros((2, frames), dtype=np.float32)
        for low_hz, high_hz, share, seconds in self.bands:
            dimmed = share * (brightness if low_hz >= 8000 else 1.0)
            sound += at_peak(_band(spectrum, frames, low_hz, high_hz) * decay(frames, seconds), dimmed)
        common = sound.mean(axis=0, keepdims=True)
        sound = np.float32(WIDTH) * sound + np.float32(1 - WIDTH) * common
        if self.cluster:
            metal = high_pass(_cluster(self.pitch, frames), self.cluster_hz, order=3)
            sound += at_peak(metal * decay(frames, self.bands[0][3]), self.cluster)
        if self.bell_hz:
            sound += at_peak(_bell(self.bell_hz, frames) * decay(frames, 0.7 * self.length_s), 0.35)
        ping = band_pass(noise(rng, frames), *self.ping_hz) * decay(frames, 0.018)
        sound = rise(sound + at_peak(ping, self.ping * brightness), self.swell_s)
        count = min(frames, round(0.01 * RATE))
        sound[:, -count:] *= np.linspace(1, 0, count, dtype=np.float32)
        return at_peak(sound)


@dataclass(frozen=True, slots=True)
class Grains:
    """A shaker, maraca or tambourine: noise of a band in one or more swells, ``strokes`` of (seconds, share)."""

    band_hz: tuple[float, float]
    strokes: tuple[tuple[float, float], ...] = ((0.0, 1.0),)
    swell_s: float = 0.012
    length_s: float = 0.09
    cluster: float = 0.0

    def stroke(self, brightness: float) -> Sound:
        """One stroke (2, frames)."""
        last_s = max(at_s for at_s, _ in self.strokes)
        frames = round((last_s + 1.2 * self.length_s) * RATE)
        rng = random("grains", round(self.band_hz[0]))
        sound = np.zeros((2, frames), dtype=np.float32)
        for at_s, share in self.strokes:
            start = round(at_s * RATE)
            swell = noise(rng, frames - start, 2) * decay(frames - start, self.length_s)
            sound[:, start:] += np.float32(share) * rise(swell, self.swell_s)
        sound = at_peak(band_pass(sound, self.band_hz[0], self.band_hz[1] * (0.7 + 0.3 * brightness)))
        if self.cluster:
            jingles = high_pass(_cluster(2.3, frames), 7000.0, order=3) * decay(frames, 1.4 * self.length_s)
            sound += at_peak(jingles, self.cluster)
        return at_peak(sound)


def _modes(rng: np.random.Generator, frames: int, pitch: float, hiss: float) -> NDArray[np.complex64]:
    """The spectrum (2, bins) of metal that rings: lines at unrelated frequencies, the same on both sides with phases of
    their own, over a floor of noise."""
    size = next_fast_len(frames, real=True)
    bins = size // 2 + 1
    mode_hz = pitch**0.3 * np.exp(rng.uniform(np.log(MODES_FROM_HZ), np.log(MODES_TO_HZ), MODES))
    levels = 10 ** (rng.normal(0, GREATER_DB, MODES) / 20)
    magnitudes = np.full(bins, hiss * 0.35, dtype=np.float32)
    width = max(1, round(3 * MODE_WIDTH_HZ * size / RATE))
    around = np.arange(-width, width + 1)
    at = np.round(mode_hz * size / RATE).astype(int)[:, np.newaxis] + around
    shape = np.exp(-0.5 * (around * RATE / size / MODE_WIDTH_HZ) ** 2)
    # The lines lie closer the higher they are, as those of a plate, when as many fall into each hertz.
    np.add.at(magnitudes, np.clip(at, 0, bins - 1), (levels * np.sqrt(mode_hz / 3000))[:, np.newaxis] * shape)
    phases = rng.uniform(0, 2 * np.pi, (2, bins)).astype(np.float32)
    spectrum: NDArray[np.complex64] = magnitudes * np.exp(1j * phases).astype(np.complex64)
    return spectrum


def _band(spectrum: NDArray[np.complex64], frames: int, low_hz: float, high_hz: float) -> Sound:
    """The part of a spectrum between two frequencies with soft edges, as sound (2, frames)."""
    size = next_fast_len(frames, real=True)
    octaves = np.log2(np.maximum(rfftfreq(size, 1 / RATE), 1.0))
    low = 1 / (1 + np.exp((np.log2(low_hz) - octaves) / BAND_EDGE * 2))
    high = 1 / (1 + np.exp((octaves - np.log2(high_hz)) / BAND_EDGE * 2))
    window = (low * high).astype(np.float32)
    sound: Sound = irfft(spectrum * window, size)[:, :frames].astype(np.float32)
    return sound


def _cluster(pitch: float, frames: int) -> Sound:
    """Six square waves at unrelated frequencies, (1, frames)."""
    total = np.zeros(frames, dtype=np.float32)
    for index, partial_hz in enumerate(SIX_PARTIALS_HZ):
        cycles = cycles_at(pitch * partial_hz, frames, start=0.13 * index)
        total += np.sign((cycles - np.floor(cycles)).astype(np.float32) - np.float32(0.5))
    return total[np.newaxis]


def _bell(partials_hz: Sequence[float], frames: int) -> Sound:
    total = np.zeros(frames, dtype=np.float32)
    for partial_hz in partials_hz:
        total += np.sin(2 * np.pi * cycles_at(partial_hz, frames)).astype(np.float32)
    return total[np.newaxis]
