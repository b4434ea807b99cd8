"""Plucked strings by the extended Karplus-Strong algorithm: guitars and basses.

After Jaffe and Smith, "Extensions of the Karplus-Strong Plucked-String Algorithm" (Computer Music Journal 7/2, 1983):
a delay line of one period fed back through a filter that damps high partials, excited by a short pulse with the comb of
the place where the string is plucked. The line's filter joins damping and the fraction of the period, so that a whole
period is computed at once.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from tasks.engines.guide.arrangement.score import Part
from tasks.engines.guide.sound.blocks import Filter, blocks, peak_section
from tasks.engines.guide.sound.source import RATE, Mono, Request, Sound, Tone, frames_with_release, play
from tasks.engines.guide.sound.synthesis.signals import (
    at_peak,
    decay,
    hertz,
    high_pass,
    low_pass,
    noise,
    random,
    resonances,
    sections,
)

LAYERS = ((60, 0.5), (98, 0.8), (127, 1.15))
"""Highest velocity of each layer and its brightness."""

LONGEST_HOLD_S = 6.0
SHORT_PERIOD = 64
"""Below this many frames a direct recursion is faster than one of whole periods."""

TAKE_CENTS = 3.5
BIAS = 0.18
"""Of the overdriven amplifier: its two halves saturate differently."""

WARM_UP = 8


@dataclass(frozen=True, slots=True)
class String:
    """What makes one plucked string its own.

    ``ring_s`` is the time to -60 dB of a string at middle C; ``damping`` 0 to 0.5 how fast high partials die before low
    ones; ``pick`` where it is plucked, as a share of its length; ``pulse_hz`` the top of the excitation; ``grit`` the
    share of noise in it; ``pickup`` the place of an electric pickup (0: none); ``body`` peaks of (Hz, dB, quality);
    ``top_hz`` the low-pass of body or loudspeaker; ``drive`` the gain into an overdriven amplifier (0: none);
    ``lowest_hz`` the high-pass; ``thump`` the share of the finger's knock on the body.
    """

    ring_s: float
    damping: float
    pick: float
    pulse_hz: float
    grit: float = 0.25
    pickup: float = 0.0
    body: tuple[tuple[float, float, float], ...] = ()
    top_hz: float = 22050.0
    release_s: float = 0.45
    drive: float = 0.0
    lowest_hz: float = 65.0
    thump: float = 0.0


_GUITAR = ((99, 5, 4), (201, 4, 5), (402, 2, 3))
NYLON = String(3.2, 0.16, 0.21, 950.0, 0.12, body=(*_GUITAR, (1100, -2, 1)), top_hz=6500.0, thump=0.12)
STEEL = String(5.0, 0.05, 0.12, 2300.0, 0.25, body=(*_GUITAR, (2600, 2, 1)), top_hz=11000.0, thump=0.08)
CLEAN = String(5.5, 0.06, 0.16, 2600.0, 0.12, pickup=0.27, body=((180, 2, 1), (2200, 2, 1.2)), top_hz=4500.0)
OVERDRIVEN = String(7.0, 0.06, 0.14, 3500.0, 0.2, pickup=0.17, top_hz=9000.0, drive=4.5)
FINGER_BASS = String(
    6.0, 0.4, 0.27, 210.0, 0.05, pickup=0.38, body=((80, 3, 1), (700, 3, 1)), top_hz=2200.0, lowest_hz=28.0
)
PICK_BASS = String(
    6.0, 0.25, 0.18, 420.0, 0.1, pickup=0.29, body=((75, 4, 0.8), (1000, 3, 1)), top_hz=3500.0, lowest_hz=28.0
)
UPRIGHT_BASS = String(
    3.0,
    0.48,
    0.3,
    200.0,
    0.06,
    body=((68, 4, 2), (110, 3, 3), (210, 2, 3), (520, 2, 2)),
    top_hz=1500.0,
    release_s=0.3,
    lowest_hz=28.0,
    thump=0.12,
)


class Plucked:
    """A stringed instrument as a source of tones, one string a note."""

    copies = 1

    def __init__(self, name: str, string: String) -> None:
        self._name = name
        self._string = string

    def play(self, part: Part, *, frames: int, take: int = 0) -> Sound:
        """The part's dry audio; all strings go through the same amplifier."""
        sound = play(self, part, frames=frames, take=take)
        return _amplified(sound, self._string.drive) if self._string.drive else sound

    def layer(self, pitch: int, velocity: int) -> Hashable:
        """Soft, usual and hard."""
        return next(index for index, (highest, _) in enumerate(LAYERS) if velocity <= highest)

    def tone(self, request: Request) -> Tone:
        """One plucked string (1, frames); another take is plucked at another place."""
        assert isinstance(request.layer, int)
        string = self._string
        frames = frames_with_release(min(request.hold_s, LONGEST_HOLD_S), string.release_s)
        rng = random(self._name, request.pitch, request.take)
        cents = TAKE_CENTS * request.take + float(rng.uniform(-1.5, 1.5))
        frequency_hz = hertz(request.pitch + cents / 100)
        pick = string.pick * (1 + 0.12 * request.take)
        plucked = _plucked(string, frequency_hz, frames, pick, LAYERS[request.layer][1], rng)
        sound = at_peak(plucked[np.newaxis])
        if string.thump:
            knock = low_pass(noise(rng, frames), 260.0) * decay(frames, 0.09)
            sound = sound + at_peak(knock, string.thump)
        if string.body:
            sound = resonances(sound, string.body)
        sound = high_pass(low_pass(sound, string.top_hz), string.lowest_hz)
        count = min(frames, 64)
        sound[:, -count:] *= np.linspace(1, 0, count, dtype=np.float32)
        return Tone(at_peak(sound, 0.5), 100.0 / string.release_s)


def _plucked(
    string: String, frequency_hz: float, frames: int, pick: float, brightness: float, rng: np.random.Generator
) -> Mono:
    """The vibration of one string, (frames,)."""
    ring_s = string.ring_s * (261.6 / frequency_hz) ** 0.45
    loss = 10 ** (-3 / (frequency_hz * ring_s))
    whole, taps = _line(RATE / frequency_hz, string.damping, loss)
    pulse = _pulse(string, RATE / frequency_hz, pick, brightness, rng, whole + len(taps))
    vibration = _fed_back(pulse, whole, taps, frames)
    if string.pickup:
        vibration = vibration - _delayed(vibration, round(string.pickup * RATE / frequency_hz))
    return vibration


def _line(period: float, damping: float, loss: float) -> tuple[int, NDArray[np.float64]]:
    """Whole frames of the delay and the taps after them: a symmetric damping filter, cubic interpolation, and loss."""
    damper = np.array([damping / 2, 1 - damping, damping / 2])
    whole = int(period) - 2
    fraction = period - whole - 1  # the damper delays by one frame; 1 <= fraction < 2, the middle of the cubic
    points = np.arange(4)
    cubic = np.array([np.prod([(fraction - k) / (n - k) for k in points if k != n]) for n in points])
    return whole, loss * np.convolve(damper, cubic)


def _pulse(
    string: String, period: float, pick: float, brightness: float, rng: np.random.Generator, most: int
) -> NDArray[np.float32]:
    """The excitation: a smooth pulse with some noise, less its copy from the place of the plectrum."""
    length = max(8, round(period))
    pulse = np.zeros((1, length), dtype=np.float32)
    pulse[0, 0] = 1.0
    rough = noise(rng, length) * decay(length, 0.006 + length / RATE / 2)
    excitation = low_pass(pulse, min(20000.0, string.pulse_hz * brightness), order=1)
    excitation = at_peak(excitation) + at_peak(
        low_pass(rough, min(20000.0, 1.8 * string.pulse_hz * brightness)), string.grit
    )
    delay = min(length - 1, max(1, round(pick * period)))
    plucked = np.pad(excitation[0], (0, delay))
    plucked[delay:] -= np.float32(0.92) * excitation[0]
    return plucked


def _fed_back(pulse: NDArray[np.float32], whole: int, taps: NDArray[np.float64], frames: int) -> Mono:
    """The pulse and all its echoes: y[n] = x[n] + sum of taps[k] y[n - whole - k]; (frames,)."""
    signal = np.zeros(frames, dtype=np.float64)
    count = min(frames, len(pulse))
    signal[:count] = pulse[:count]
    if whole < SHORT_PERIOD:
        denominator = np.concatenate([[1.0], np.zeros(whole - 1), -taps])
        echoing: Mono = lfilter([1.0], denominator, signal).astype(np.float32)
        return echoing
    margin, backwards = len(taps) - 1, taps[::-1].copy()
    line = np.concatenate([np.zeros(whole + margin), signal])
    start = whole + margin
    while start < len(line):
        end = min(start + whole, len(line))
        line[start:end] += np.correlate(line[start - whole - margin : end - whole], backwards, "valid")
        start = end
    return line[whole + margin :].astype(np.float32)


def _delayed(signal: Mono, count: int) -> Mono:
    return np.concatenate([np.zeros(count, dtype=np.float32), signal[: len(signal) - count]])


def _amplified(sound: Sound, drive: float) -> Sound:
    """Through an overdriven amplifier and its loudspeaker, in place: a mild asymmetric saturation between two filters.

    Nothing is done where the strings are silent for a block and more.
    """
    cut, speaker = Filter(sections(120.0, "highpass", 1)), Filter(_speaker())
    sounded = False
    for block in blocks(sound.shape[1]):
        sounds = bool(sound[:, block].any())
        if sounds or sounded:
            pushed = cut(sound[:, block]) * np.float32(drive) + np.float32(BIAS)
            shaped = np.tanh(pushed, out=pushed) - np.float32(np.tanh(BIAS))
            sound[:, block] = speaker(shaped) * np.float32(0.5)
        sounded = sounds
    return sound


@cache
def _speaker() -> NDArray[np.float64]:
    """The loudspeaker of a guitar amplifier, as sections."""
    box = sections((85.0, 5200.0), "bandpass", 1), sections(4800.0, "lowpass", 3)
    return np.concatenate([*box, peak_section(2500.0, 3.0, 1.0)[np.newaxis]])
