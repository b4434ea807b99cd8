"""Keys: electric piano and bells by frequency modulation, a drawbar organ, a vibraphone."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from tasks.engines.guide.arrangement.score import Part
from tasks.engines.guide.sound.blocks import Filter, blocks
from tasks.engines.guide.sound.source import RATE, Mono, Request, Sound, Tone, frames_with_release, play
from tasks.engines.guide.sound.synthesis.signals import (
    cycles_at,
    decay,
    hertz,
    low_pass,
    noise,
    random,
    rise,
    sections,
    sine,
    times_s,
)

LAYERS = ((50, 0.35), (80, 0.65), (104, 1.0), (127, 1.5))
"""Highest velocity of each layer and its brightness."""

LONGEST_HOLD_S = 8.0
TAKE_CENTS = 3.0


@dataclass(frozen=True, slots=True)
class Pair:
    """A carrier and its modulator: ratios to the note, index at full brightness, time in seconds to -60 dB of the tone
    and of the index (at middle C), level."""

    carrier: float
    modulator: float
    index: float
    length_s: float
    index_s: float
    level: float = 1.0


@dataclass(frozen=True, slots=True)
class Turning:
    """A slow change of level to both sides: rate in Hz, depth 0 to 1, and whether the sides alternate."""

    rate_hz: float
    depth: float
    alternates: bool = True


class Struck:
    """A keyboard or mallet instrument: pairs of operators whose tones die away."""

    copies = 1

    def __init__(self, name: str, pairs: tuple[Pair, ...], turning: Turning, *, release_s: float = 0.35) -> None:
        self._name = name
        self._pairs = pairs
        self._turning = turning
        self._release_s = release_s

    def play(self, part: Part, *, frames: int, take: int = 0) -> Sound:
        """The part's dry audio with its tremolo."""
        return _turned(play(self, part, frames=frames, take=take), self._turning)

    def layer(self, pitch: int, velocity: int) -> Hashable:
        """Four degrees of brightness."""
        return next(index for index, (highest, _) in enumerate(LAYERS) if velocity <= highest)

    def tone(self, request: Request) -> Tone:
        """One tone (1, frames)."""
        assert isinstance(request.layer, int)
        frames = frames_with_release(min(request.hold_s, LONGEST_HOLD_S), self._release_s)
        frequency_hz = hertz(request.pitch + TAKE_CENTS * request.take / 100)
        longer = (261.6 / frequency_hz) ** 0.5
        total = np.zeros(frames, dtype=np.float32)
        for pair in self._pairs:
            if pair.carrier * frequency_hz > 16000:
                continue
            top = min(1.0, 18000 / ((pair.carrier + 2 * pair.modulator) * frequency_hz))
            index = pair.index * LAYERS[request.layer][1] * top * decay(frames, pair.index_s * longer)
            modulator = sine(cycles_at(pair.modulator * frequency_hz, frames)) * index
            carrier = sine(cycles_at(pair.carrier * frequency_hz, frames) + modulator / (2 * np.pi))
            total += np.float32(pair.level) * carrier * decay(frames, pair.length_s * longer)
        return Tone(rise(total[np.newaxis], 0.0015) * np.float32(0.5), 100.0 / self._release_s)


E_PIANO = (
    Pair(1.0, 1.0, 1.5, 5.5, 2.2),
    Pair(1.003, 1.0, 0.6, 4.0, 3.0, 0.45),
    Pair(1.0, 14.0, 0.55, 2.2, 0.45, 0.35),
)
"""Body, its slightly sharp twin, and the tine that the hammer sets ringing."""

GLASS_BELL = (Pair(1.0, 3.5, 2.2, 2.6, 1.6), Pair(2.0, 7.0, 1.0, 1.4, 0.6, 0.4))
VIBRAPHONE = (Pair(1.0, 1.0, 0.05, 5.0, 1.0), Pair(4.0, 1.0, 0.0, 1.6, 1.0, 0.28), Pair(10.0, 1.0, 0.0, 0.5, 1.0, 0.1))


class Organ:
    """Nine drawbars with key click, through a loudspeaker that turns slowly."""

    copies = 1
    _RATIOS = (0.5, 1.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
    _DRAWBARS = (0.55, 0.45, 1.0, 0.6, 0.28, 0.22, 0.08, 0.06, 0.12)
    _VIBRATO_HZ, _VIBRATO_CENTS = 6.3, 4.0
    _RELEASE_S = 0.16

    def play(self, part: Part, *, frames: int, take: int = 0) -> Sound:
        """The part's dry audio from the turning loudspeaker."""
        sound = play(self, part, frames=frames, take=take)
        turned_sound = _turned(sound, Turning(0.8, 0.32))
        speaker = Filter(sections(7500.0, "lowpass", 1))
        for block in blocks(frames):
            turned_sound[:, block] = speaker(turned_sound[:, block])
        return turned_sound

    def layer(self, pitch: int, velocity: int) -> Hashable:
        """One: an organ's keys have no velocity but their loudness."""
        return 0

    def tone(self, request: Request) -> Tone:
        """One held key (1, frames)."""
        frames = frames_with_release(request.hold_s, self._RELEASE_S)
        frequency_hz = hertz(request.pitch + TAKE_CENTS * request.take / 100)
        bend = np.float32(self._VIBRATO_CENTS / 1200 * np.log(2) * frequency_hz / (2 * np.pi * self._VIBRATO_HZ))
        wobble = bend * np.sin(np.float32(2 * np.pi * self._VIBRATO_HZ) * times_s(frames))
        total = np.zeros(frames, dtype=np.float32)
        for ratio, drawbar in zip(self._RATIOS, self._DRAWBARS, strict=True):
            if ratio * frequency_hz < 9000:
                total += np.float32(drawbar) * sine(cycles_at(ratio * frequency_hz, frames) + ratio * wobble)
        click = low_pass(noise(random("key click", request.pitch), frames), 3500.0)[0] * decay(frames, 0.02)
        return Tone(
            rise((total + np.float32(0.35) * click)[np.newaxis], 0.004) * np.float32(0.2), 100 / self._RELEASE_S
        )


def _turned(sound: Sound, turning: Turning) -> Sound:
    """Level that rises and falls, in place: to both sides in turn where the sound is stereo, else of the whole."""
    alternates = len(sound) == 2 and turning.alternates
    for block in blocks(sound.shape[1]):
        time_s = (np.arange(block.start, block.stop) / RATE).astype(np.float32)
        wave: Mono = np.float32(turning.depth) * np.sin(np.float32(2 * np.pi * turning.rate_hz) * time_s)
        sound[:, block] *= np.stack([1 + wave, 1 - wave]) if alternates else 1 + np.float32(0.5) * wave
    return sound
