"""Drums with a skin: kicks, snares, toms and hand drums; the clap; each stroke from its first to its last frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.engines.guide.sound.source import RATE, Mono, Sound
from tasks.engines.guide.sound.synthesis.signals import (
    at_peak,
    band_pass,
    decay,
    driven,
    high_pass,
    low_pass,
    noise,
    random,
    rise,
    sine,
    times_s,
)

SKIN_MODES = ((1.0, 1.0, 1.0), (1.594, 0.45, 0.55), (2.136, 0.3, 0.4), (2.653, 0.15, 0.3))
"""The first modes of a round skin: frequency ratio, share, and length against the first."""


@dataclass(frozen=True, slots=True)
class Kick:
    """A bass drum: pitch from ``start_hz`` to ``end_hz`` with a time constant of ``drop_s``, length to -60 dB, share of
    the beater's click around ``click_hz``, drive of the saturation, share of the shell's noise."""

    start_hz: float = 130.0
    end_hz: float = 52.0
    drop_s: float = 0.018
    length_s: float = 0.38
    click: float = 0.35
    click_hz: float = 3200.0
    drive: float = 1.2
    shell: float = 0.3

    def stroke(self, brightness: float) -> Sound:
        """One stroke (1, frames); ``brightness`` 0 to 1 is how much of the beater is heard."""
        frames = round(self.length_s * RATE)
        body: Mono = _dropping(self.start_hz, self.end_hz, self.drop_s, frames) * decay(frames, self.length_s)
        body = driven(rise(body[np.newaxis], 0.0015), self.drive)
        rng = random("kick")
        beater = band_pass(noise(rng, frames), 0.6 * self.click_hz, 1.8 * self.click_hz) * decay(frames, 0.022)
        dying: Mono = decay(frames, 0.07) + np.float32(0.3) * decay(frames, 0.25)
        shell = low_pass(noise(rng, frames), 900.0) * dying
        sound = body + at_peak(beater, self.click * brightness) + at_peak(shell, self.shell)
        return at_peak(_ended(sound))


@dataclass(frozen=True, slots=True)
class Snare:
    """A snare drum: pitch and length of the skin, length and band of the wires' noise, share of the wires."""

    skin_hz: float = 185.0
    skin_s: float = 0.3
    wires_s: float = 0.26
    wires_hz: tuple[float, float] = (1400.0, 9500.0)
    wires: float = 0.6
    crack: float = 0.4
    drive: float = 1.0

    def stroke(self, brightness: float) -> Sound:
        """One stroke (2, frames): the skin in the centre, the wires a little to both sides."""
        frames = round(1.15 * max(self.skin_s, self.wires_s) * RATE)
        rng = random("snare")
        skin = np.zeros(frames, dtype=np.float32)
        for ratio, share, length in SKIN_MODES:
            drop = _dropping(1.35 * ratio * self.skin_hz, ratio * self.skin_hz, 0.008, frames)
            skin += np.float32(share) * drop * decay(frames, self.skin_s * length)
        wires = band_pass(_two_sided(rng, frames, 0.55), *self.wires_hz)
        wires *= decay(frames, self.wires_s) * (0.75 + 0.25 * decay(frames, 0.03))
        crack = high_pass(noise(rng, frames), 2500.0) * decay(frames, 0.012)
        sound = at_peak(skin[np.newaxis], 0.8) + at_peak(wires, self.wires * (0.55 + 0.45 * brightness))
        sound = sound + at_peak(crack, self.crack * brightness)
        return at_peak(_ended(driven(sound, self.drive)))


@dataclass(frozen=True, slots=True)
class Brush:
    """A brush on a snare drum: a stroke that swells in ``swell_s`` and dies in ``length_s``."""

    swell_s: float = 0.012
    length_s: float = 0.28
    band_hz: tuple[float, float] = (900.0, 6500.0)

    def stroke(self, brightness: float) -> Sound:
        """One stroke (2, frames)."""
        frames = round(1.1 * self.length_s * RATE)
        rng = random("brush")
        swish = band_pass(_two_sided(rng, frames, 0.7), self.band_hz[0], self.band_hz[1] * (0.6 + 0.4 * brightness))
        swish = rise(swish * decay(frames, self.length_s), self.swell_s)
        skin = _dropping(260.0, 200.0, 0.01, frames) * decay(frames, 0.12)
        return at_peak(_ended(at_peak(swish) + at_peak(skin[np.newaxis], 0.35)))


@dataclass(frozen=True, slots=True)
class Skin:
    """A tom or hand drum: pitch, drop of the pitch as a ratio, length, share of the stick or hand."""

    skin_hz: float
    drop: float = 1.25
    length_s: float = 0.6
    attack: float = 0.25
    attack_hz: tuple[float, float] = (1500.0, 6000.0)

    def stroke(self, brightness: float) -> Sound:
        """One stroke (1, frames)."""
        frames = round(1.1 * self.length_s * RATE)
        skin = np.zeros(frames, dtype=np.float32)
        for ratio, share, length in SKIN_MODES:
            drop = _dropping(self.drop * ratio * self.skin_hz, ratio * self.skin_hz, 0.03, frames)
            skin += np.float32(share) * drop * decay(frames, self.length_s * length)
        attack = band_pass(noise(random("skin"), frames), *self.attack_hz) * decay(frames, 0.025)
        sound = at_peak(rise(skin[np.newaxis], 0.001), 0.9) + at_peak(attack, self.attack * brightness)
        return at_peak(_ended(sound))


@dataclass(frozen=True, slots=True)
class Clap:
    """Hands: four bursts of noise 11 ms apart, and the room after them."""

    centre_hz: float = 1250.0
    length_s: float = 0.26
    bursts: int = 4

    def stroke(self, brightness: float) -> Sound:
        """One stroke (2, frames): the bursts come from several places."""
        frames = round(1.2 * self.length_s * RATE)
        rng = random("clap")
        sound = _two_sided(rng, frames, 0.5) * decay(frames, self.length_s) * np.float32(0.5)
        for burst in range(self.bursts):
            start = round((0.011 * burst) * RATE)
            hands = _two_sided(rng, frames - start, 0.8) * decay(frames - start, 0.035 if burst < 3 else 0.09)
            sound[:, start:] += hands
        sound = band_pass(sound, 0.62 * self.centre_hz, (1.7 + 1.1 * brightness) * self.centre_hz)
        return at_peak(_ended(sound))


@dataclass(frozen=True, slots=True)
class Struck:
    """Wood or metal: pairs of frequency and share, their length, and the share of the attack's noise."""

    modes: tuple[tuple[float, float], ...]
    length_s: float = 0.08
    attack: float = 0.3

    def stroke(self, brightness: float) -> Sound:
        """One stroke (1, frames)."""
        frames = round(1.2 * self.length_s * RATE)
        sound = np.zeros(frames, dtype=np.float32)
        for frequency_hz, share in self.modes:
            sound += np.float32(share) * _dropping(frequency_hz, frequency_hz, 1.0, frames)
        sound *= decay(frames, self.length_s)
        attack = high_pass(noise(random("struck"), frames), 1500.0) * decay(frames, 0.01)
        return at_peak(_ended(at_peak(sound[np.newaxis]) + at_peak(attack, self.attack * brightness)))


def _dropping(start_hz: float, end_hz: float, drop_s: float, frames: int) -> Mono:
    """A sine whose frequency falls exponentially from ``start_hz`` to ``end_hz``; (frames,)."""
    time = times_s(frames).astype(np.float64)
    cycles = end_hz * time + (start_hz - end_hz) * drop_s * (1 - np.exp(-time / drop_s))
    return sine(cycles)


def _two_sided(rng: np.random.Generator, frames: int, width: float) -> Sound:
    """Noise (2, frames): ``width`` 0 is the same on both sides, 1 unrelated."""
    common, left, right = noise(rng, frames, 3)
    share, rest = np.float32(np.sqrt(1 - width)), np.float32(np.sqrt(width))
    return np.stack([share * common + rest * left, share * common + rest * right])


def _ended(sound: Sound) -> Sound:
    """``sound`` with its last 5 ms faded out."""
    count = min(sound.shape[1], round(0.005 * RATE))
    sound[:, -count:] *= np.linspace(1, 0, count, dtype=np.float32)
    return sound
