"""Signals with known metric values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve, firwin

from tasks.audio.audio import Audio

Signal = NDArray[np.float64]

RATE = 44100
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
PROGRESSIONS = {"major": (0, 3, 4, 0), "minor": (0, 5, 3, 4)}


def times(length_s: float) -> Signal:
    return np.arange(round(length_s * RATE)) / RATE


def sine(length_s: float, hz: float = 997.0, amplitude: float = 0.5) -> Signal:
    return amplitude * np.sin(2 * np.pi * hz * times(length_s))


def noise(length_s: float, amplitude: float = 0.1, seed: int = 1) -> Signal:
    return amplitude * np.random.Generator(np.random.PCG64(seed)).standard_normal(round(length_s * RATE))


def silence(length_s: float) -> Signal:
    return np.zeros(round(length_s * RATE))


def low_passed(signal: Signal, hz: float) -> Signal:
    return np.asarray(fftconvolve(signal, firwin(1023, hz, fs=RATE), mode="same"))


def stereo(left: Signal, right: Signal | None = None) -> Audio:
    return Audio.of(np.stack([left, left if right is None else right]), RATE)


def place(track: Signal, sound: Signal, at_s: float) -> None:
    """Add ``sound`` to ``track`` at a time, truncated at its end."""
    start = round(at_s * RATE)
    part = sound[: max(0, len(track) - start)]
    track[start : start + len(part)] += part


def note(pitch: float, length_s: float, amplitude: float) -> Signal:
    """A plucked tone with six harmonics at a MIDI pitch."""
    t = times(length_s)
    hz = 440 * 2 ** ((pitch - 69) / 12)
    envelope = amplitude * np.minimum(t / 0.01, 1) * np.exp(-2 * t) * np.minimum((length_s - t) / 0.02, 1)
    return np.asarray(envelope * sum(np.sin(2 * np.pi * hz * k * t) / k**1.3 for k in range(1, 7)))


def clicks(bpm: float, length_s: float = 20.0) -> Signal:
    """Short bursts of noise on the beat."""
    track = silence(length_s)
    burst = noise(0.02, 0.3) * np.exp(-times(0.02) * 250)
    for beat in range(int(length_s * bpm / 60)):
        place(track, burst, beat * 60 / bpm)
    return track


def chords(tonic: int, mode: str, *, bpm: float = 120.0, bars: int = 4, detune: float = 0.0) -> Signal:
    """Triads of a cadence over their roots in the bass, one per bar, struck on every beat."""
    beat_s = 60 / bpm
    track = silence(bars * 4 * beat_s + 0.5)
    scale = SCALES[mode]
    for bar in range(bars):
        degree = PROGRESSIONS[mode][bar % 4]
        triad = [tonic + scale[(degree + step) % 7] + 12 * ((degree + step) // 7) + detune for step in (0, 2, 4)]
        for beat in range(4):
            at_s = (bar * 4 + beat) * beat_s
            for pitch in triad:
                place(track, note(60 + pitch, beat_s, 0.08), at_s)
            place(track, note(36 + triad[0], beat_s, 0.15), at_s)
    return track
