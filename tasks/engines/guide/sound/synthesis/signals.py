"""Building blocks of synthesised tones: noise, sawtooths, decays and filters, all float32 at 44.1 kHz."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from tasks.engines.guide.sound.source import RATE, Mono, Sound

NYQUIST_HZ = RATE / 2
DOUBLE_BELOW_HZ = 300.0
"""Filters of a higher order than the first and a lower corner are computed in double precision."""
SIXTY_DB = np.log(1000.0)


def hertz(pitch: float) -> float:
    """The frequency of a MIDI pitch."""
    return float(440.0 * 2 ** ((pitch - 69) / 12))


def random(name: str, *numbers: int) -> np.random.Generator:
    """A generator of its own for a name and some numbers: the same in every process."""
    return np.random.Generator(np.random.PCG64([zlib.crc32(name.encode()), *numbers]))


def noise(rng: np.random.Generator, frames: int, channels: int = 1) -> Sound:
    """White noise of variance 1, shape (channels, frames)."""
    return rng.standard_normal((channels, frames), dtype=np.float32)


def times_s(frames: int) -> Mono:
    """Seconds from the start, shape (frames,)."""
    return np.arange(frames, dtype=np.float32) / np.float32(RATE)


def decay(frames: int, seconds: float) -> Mono:
    """An exponential that falls by 60 dB in ``seconds``, shape (frames,)."""
    fall: Mono = np.exp(np.arange(frames, dtype=np.float32) * np.float32(-SIXTY_DB / (seconds * RATE)))
    return fall


def rise(sound: Sound, seconds: float) -> Sound:
    """``sound`` (channels, frames) with its first ``seconds`` faded in, in place."""
    count = min(sound.shape[-1], max(1, round(seconds * RATE)))
    sound[..., :count] *= np.linspace(0, 1, count, dtype=np.float32)
    return sound


def sine(cycles: NDArray[Any]) -> Mono:
    """Sine of a phase in cycles, in float32."""
    wrapped = (cycles - np.floor(cycles)).astype(np.float32)
    wave: Mono = np.sin(wrapped * np.float32(2 * np.pi))
    return wave


def cycles_at(frequency_hz: float, frames: int, *, start: float = 0.0) -> NDArray[np.float64]:
    """The phase in cycles of a constant frequency, shape (frames,)."""
    cycles: NDArray[np.float64] = start + np.arange(frames, dtype=np.float64) * (frequency_hz / RATE)
    return cycles


def saw(frequency_hz: float, frames: int, *, start: float = 0.0) -> Mono:
    """A sawtooth from -1 to 1 whose steps are rounded by a two-sample polynomial, against aliasing."""
    step = np.float32(min(0.5, frequency_hz / RATE))
    cycles = cycles_at(frequency_hz, frames, start=start)
    phase = (cycles - np.floor(cycles)).astype(np.float32)
    wave: Mono = 2 * phase - 1
    first, last = phase < step, phase > 1 - step
    at = phase[first] / step
    wave[first] -= at + at - at * at - 1
    at = (phase[last] - 1) / step
    wave[last] -= at * at + at + at + 1
    return wave


def square(frequency_hz: float, frames: int, *, start: float = 0.0) -> Mono:
    """A square wave: the difference of two sawtooths half a period apart."""
    return (saw(frequency_hz, frames, start=start) - saw(frequency_hz, frames, start=start + 0.5)) * np.float32(0.5)


def low_pass(sound: Sound, cutoff_hz: float, *, order: int = 2) -> Sound:
    """Butterworth low-pass along the frames; unchanged where the cut-off is above the audible band."""
    return sound if cutoff_hz >= 0.95 * NYQUIST_HZ else _filtered(sound, cutoff_hz, "lowpass", order)


def high_pass(sound: Sound, cutoff_hz: float, *, order: int = 2) -> Sound:
    """Butterworth high-pass along the frames."""
    return _filtered(sound, cutoff_hz, "highpass", order)


def band_pass(sound: Sound, low_hz: float, high_hz: float, *, order: int = 1) -> Sound:
    """Butterworth band-pass along the frames."""
    return _filtered(sound, (low_hz, min(high_hz, 0.95 * NYQUIST_HZ)), "bandpass", order)


def _filtered(sound: Sound, cutoff_hz: float | tuple[float, float], kind: str, order: int) -> Sound:
    lowest_hz = cutoff_hz[0] if isinstance(cutoff_hz, tuple) else cutoff_hz
    rows = sections(cutoff_hz, kind, order)
    single = rows if order > 1 and lowest_hz < DOUBLE_BELOW_HZ else rows.astype(np.float32)
    filtered_sound: Sound = sosfilt(single, sound).astype(np.float32, copy=False)
    return filtered_sound


@lru_cache(maxsize=512)
def sections(cutoff_hz: float | tuple[float, float], kind: str, order: int) -> NDArray[np.float64]:
    """Butterworth filters as second-order sections."""
    rows: NDArray[np.float64] = butter(order, cutoff_hz, kind, fs=RATE, output="sos")
    return rows


def resonances(sound: Sound, peaks: Sequence[tuple[float, float, float]]) -> Sound:
    """``sound`` through peaks of (frequency Hz, gain dB, quality), one after the other (Bristow-Johnson's form)."""
    for frequency_hz, gain_db, quality in peaks:
        amplitude, angle = 10 ** (gain_db / 40), 2 * np.pi * frequency_hz / RATE
        alpha = np.sin(angle) / (2 * quality)
        ends = (1 + alpha * amplitude, 1 - alpha * amplitude, 1 + alpha / amplitude, 1 - alpha / amplitude)
        middle = -2 * np.cos(angle)
        section = np.array([[ends[0], middle, ends[1], ends[2], middle, ends[3]]]) / ends[2]
        sound = sosfilt(section.astype(np.float32), sound)
    return sound


def driven(sound: Sound, gain: float) -> Sound:
    """Soft saturation; small values keep their size."""
    saturated: Sound = np.tanh(sound * np.float32(gain)) / np.float32(gain)
    return saturated


def at_peak(sound: Sound, peak: float = 1.0) -> Sound:
    """``sound`` scaled to a peak; silence unchanged."""
    highest = float(np.abs(sound).max(initial=0.0))
    return sound * np.float32(peak / highest) if highest > 0 else sound


def swept(sound: Sound, open_hz: float, resting_hz: float, seconds: float) -> Sound:
    """A low-pass of 12 dB an octave that falls from ``open_hz`` to ``resting_hz``, by cross-fading its two ends."""
    fall = np.exp(np.arange(sound.shape[-1], dtype=np.float32) * np.float32(-3 / (seconds * RATE)))
    resting = low_pass(sound, resting_hz)
    mixed: Sound = resting + (low_pass(sound, open_hz) - resting) * fall
    return mixed
