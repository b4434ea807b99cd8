"""Sawtooth instruments: supersaw, plucked saw, pads, synthesised strings, bass; and the plain sub bass."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from tasks.engines.guide.arrangement.score import Part
from tasks.engines.guide.sound.source import Mono, Request, Sound, Tone, frames_with_release, play
from tasks.engines.guide.sound.synthesis.signals import (
    cycles_at,
    decay,
    driven,
    hertz,
    high_pass,
    low_pass,
    random,
    rise,
    saw,
    sine,
    square,
    swept,
)

LAYERS = ((70, 0.7), (104, 1.0), (127, 1.35))
"""Highest velocity of each layer and its brightness."""

LOWEST_SUB_HZ = 35.0


@dataclass(frozen=True, slots=True)
class Saws:
    """Sawtooths and their filter.

    ``voices`` lie within ``spread_cents`` to both sides of the note, ``width`` 0 to 1 apart; ``attack_s`` and
    ``length_s`` (to -60 dB; 0: held) shape the level; the low-pass falls from ``open_hz`` to ``resting_hz`` in
    ``sweep_s``; ``sub`` is the share of a square wave an octave below, of low notes at the note itself.
    """

    voices: int
    spread_cents: float
    width: float
    open_hz: float
    resting_hz: float
    sweep_s: float
    attack_s: float = 0.004
    length_s: float = 0.0
    release_s: float = 0.4
    sub: float = 0.0
    drive: float = 0.0


SUPERSAW = Saws(7, 12.0, 0.9, 9500.0, 6000.0, 0.5, attack_s=0.008, release_s=0.5)
PLUCKED_SAW = Saws(3, 7.0, 0.5, 7500.0, 700.0, 0.16, length_s=0.9, release_s=0.35)
WARM_PAD = Saws(4, 9.0, 0.9, 1500.0, 2200.0, 1.5, attack_s=0.35, release_s=1.4)
STRING_MACHINE = Saws(5, 10.0, 1.0, 4200.0, 3400.0, 1.0, attack_s=0.12, release_s=0.8)
SYNTH_BASS = Saws(1, 0.0, 0.0, 2600.0, 420.0, 0.14, attack_s=0.003, release_s=0.14, sub=0.7, drive=1.4)


class SawInstrument:
    """An instrument of sawtooths as a source of tones."""

    copies = 1

    def __init__(self, name: str, saws: Saws) -> None:
        self._name = name
        self._saws = saws

    def play(self, part: Part, *, frames: int, take: int = 0) -> Sound:
        """The part's dry audio."""
        return play(self, part, frames=frames, take=take)

    def layer(self, pitch: int, velocity: int) -> Hashable:
        """Soft, usual and hard."""
        return next(index for index, (highest, _) in enumerate(LAYERS) if velocity <= highest)

    def tone(self, request: Request) -> Tone:
        """One tone; a pitch's voices begin at phases of their own."""
        assert isinstance(request.layer, int)
        saws, brightness = self._saws, LAYERS[request.layer][1]
        frames = frames_with_release(request.hold_s, saws.release_s)
        sound = self._voices(request, frames)
        sound = swept(sound, saws.open_hz * brightness, saws.resting_hz * brightness, saws.sweep_s)
        if saws.drive:
            sound = driven(sound, saws.drive)
        if saws.length_s:
            sound *= decay(frames, saws.length_s)
        return Tone(rise(sound, saws.attack_s) * np.float32(0.35), 100.0 / saws.release_s)

    def _voices(self, request: Request, frames: int) -> Sound:
        saws, rng = self._saws, random(self._name, request.pitch, request.take)
        channels = request.channels if saws.width else 1
        sound = np.zeros((channels, frames), dtype=np.float32)
        places = np.linspace(-1, 1, saws.voices) if saws.voices > 1 else np.zeros(1)
        for index, place in enumerate(places):
            frequency_hz = hertz(request.pitch + place * saws.spread_cents / 100)
            wave = saw(frequency_hz, frames, start=float(rng.random())) / np.float32(np.sqrt(saws.voices))
            pan = saws.width * abs(place) * (1 if index % 2 else -1) if channels == 2 else 0.0
            for channel, gain in zip(sound, _sides(pan), strict=False):
                channel += wave * gain
        if saws.sub:
            lower = request.pitch - 12 if hertz(request.pitch - 12) > LOWEST_SUB_HZ else request.pitch
            sound += np.float32(saws.sub) * square(hertz(lower), frames)
        return high_pass(sound, 0.5 * hertz(request.pitch - (12 if saws.sub else 0)))


def _sides(pan: float) -> tuple[np.float32, np.float32]:
    angle = (pan + 1) * np.pi / 4
    return np.float32(np.cos(angle) * np.sqrt(2)), np.float32(np.sin(angle) * np.sqrt(2))


class SubBass:
    """A plain sine with a little of its second and third harmonic."""

    copies = 1
    _RELEASE_S = 0.12

    def play(self, part: Part, *, frames: int, take: int = 0) -> Sound:
        """The part's dry audio."""
        return play(self, part, frames=frames, take=take)

    def layer(self, pitch: int, velocity: int) -> Hashable:
        """One for all velocities."""
        return 0

    def tone(self, request: Request) -> Tone:
        """One held note (1, frames)."""
        frames = frames_with_release(request.hold_s, self._RELEASE_S)
        cycles = cycles_at(hertz(request.pitch), frames)
        sound: Mono = sine(cycles) + np.float32(0.18) * sine(2 * cycles) + np.float32(0.07) * sine(3 * cycles)
        return Tone(rise(low_pass(sound[np.newaxis], 2000.0), 0.008) * np.float32(0.5), 100.0 / self._RELEASE_S)
