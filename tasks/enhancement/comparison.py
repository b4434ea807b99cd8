"""The difference of two sounds of one length in a band: sample against sample, after the best single gain.

Spectra of both are taken over the same frames, so a shift in time, a filter or a moved stereo image stays in the
difference. It is measured in each octave of mid and side over the whole, and in each frame over the whole band,
relative to the source's level there; where the source is nearly silent, relative to 40 dB under the whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len, rfft
from scipy.signal import get_window

from tasks.audio.audio import Audio, Samples

STRETCH_S = 0.75
BATCH = 16
GUARD_BINS = 5
"""Bins left out at the ends of the band, where the window (Blackman-Harris: 4 bins to a side) mixes in others."""

FLOOR = 1e-4
"""Power relative to the whole that counts as nearly silent: -40 dB, so that a null of -40 dB lies 80 dB under all."""

ONE_SIDED = 1e-3
"""Power relative to the whole from which a channel counts in the balance."""

OCTAVES_HZ = tuple(31.25 * 2**k for k in range(10))

Powers = NDArray[np.float64]
Spectra = NDArray[np.complex64]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The largest difference in dB relative to the source, its place, and the change of left over right in dB."""

    null_db: float
    worst_at: str
    balance_moved_db: float


class _Sums(NamedTuple):
    """Powers of source and result and their cross power in mid and side (mono: mid alone).

    ``octaves``: (3, sides, bins), over all frames; ``stretches``: (3, frames), over the band and both sides;
    ``channels``: (2, channels), of source and result from the lower end of the band on.
    """

    octaves: Powers
    stretches: Powers
    channels: Powers


def compare(source: Audio, result: Audio, *, kept_hz: tuple[float, float]) -> Comparison:
    """Compare two finite sounds of the same shape between the ends of ``kept_hz``."""
    frame = min(next_fast_len(round(STRETCH_S * source.rate), real=True), source.frames)
    bin_hz = source.rate / frame
    low, high = _bins(kept_hz, bin_hz)
    sums = _sums(source, result, frame=frame, band=slice(low, high))
    source_power, _, cross_power = sums.stretches.sum(axis=1)
    gain = max(0.0, cross_power / source_power) if source_power > 0 else 0.0
    floor = FLOOR * float(sums.channels[0].sum())
    octave_nulls = [
        (_null_db(sums.octaves[:, side, start:end].sum(axis=1), gain, floor), f"{place}, {name}")
        for start, end, place in _octaves(low, high, bin_hz)
        for side, name in enumerate(("mid", "side")[: sums.octaves.shape[1]])
    ]
    count = sums.stretches.shape[1]
    moments = [_null_db(powers, gain, floor / count) for powers in sums.stretches.T]
    worst_frame = int(np.argmax(moments))
    octave_nulls.append((moments[worst_frame], f"worst around {worst_frame * frame / 2 / source.rate:.1f} s"))
    null_db, worst_at = max(octave_nulls)
    return Comparison(null_db, worst_at, _balance_db(sums.channels[1]) - _balance_db(sums.channels[0]))


def _bins(kept_hz: tuple[float, float], bin_hz: float) -> tuple[int, int]:
    """The first bin of the band, and the one after its last, without those that include content beyond its ends."""
    low = 0 if kept_hz[0] == 0 else round(kept_hz[0] / bin_hz) + GUARD_BINS
    return low, round(kept_hz[1] / bin_hz) - GUARD_BINS


def _octaves(low: int, high: int, bin_hz: float) -> Iterator[tuple[int, int, str]]:
    """First and last bin, and the name, of each octave in the band; narrow ends are merged with their neighbours."""
    inner_edges = [round(hz / bin_hz) for hz in OCTAVES_HZ]
    edges = [low, *(edge for edge in inner_edges if edge > 1.4 * low + GUARD_BINS and 1.4 * edge < high), high]
    for start, end in pairwise(edges):
        yield start, end, f"{start * bin_hz:.0f} to {end * bin_hz:.0f} Hz"


def _sums(source: Audio, result: Audio, *, frame: int, band: slice) -> _Sums:
    sides, bins = source.channels, frame // 2 + 1
    octaves, channels = np.zeros((3, sides, bins)), np.zeros((2, sides))
    stretches: list[Powers] = []
    window = get_window("blackmanharris", frame).astype(np.float32)
    for pair in zip(_frames(source.samples, frame), _frames(result.samples, frame), strict=True):
        source_spectra, result_spectra = (rfft(part * window) for part in pair)
        from_low = slice(max(band.start, GUARD_BINS), None)
        channels += [_power(spectra[..., from_low]).sum(axis=(1, 2)) for spectra in (source_spectra, result_spectra)]
        source_sides, result_sides = _mid_and_side(source_spectra), _mid_and_side(result_spectra)
        products = np.stack([_power(source_sides), _power(result_sides), _cross_power(source_sides, result_sides)])
        octaves += products.sum(axis=2)
        stretches.append(products[..., band].sum(axis=(1, 3)))
    return _Sums(octaves, np.concatenate(stretches, axis=1), channels)


def _frames(samples: Samples, frame: int) -> Iterator[Samples]:
    """Frames that overlap by half, in batches, shape (channels, frames, length), mirrored at both ends."""
    hop = frame // 2
    frames_after = -(samples.shape[1] + hop) % hop + hop
    mirrored_samples = np.pad(samples, ((0, 0), (hop, min(frames_after, samples.shape[1]))), mode="symmetric")
    stretches = np.lib.stride_tricks.sliding_window_view(mirrored_samples, frame, axis=1)[:, ::hop]
    for start in range(0, stretches.shape[1], BATCH):
        yield stretches[:, start : start + BATCH]


def _mid_and_side(spectra: Spectra) -> Spectra:
    if len(spectra) == 1:
        return spectra
    left, right = spectra * np.float32(np.sqrt(0.5))
    return np.stack([left + right, left - right])


def _power(spectra: Spectra) -> Powers:
    return np.square(spectra.real, dtype=np.float64) + np.square(spectra.imag, dtype=np.float64)


def _cross_power(one: Spectra, other: Spectra) -> Powers:
    real = np.multiply(one.real, other.real, dtype=np.float64)
    return real + np.multiply(one.imag, other.imag, dtype=np.float64)


def _null_db(powers: Powers, gain: float, floor: float) -> float:
    """Power of result less amplified source, in dB relative to the higher of amplified source and floor."""
    source_power, result_power, cross_power = powers
    remainder = max(result_power - 2 * gain * cross_power + gain * gain * source_power, 0.0)
    reference = gain * gain * max(source_power, floor) if gain > 0 else result_power
    return float(10 * np.log10(max(remainder, reference * 1e-16) / reference)) if reference > 0 else 0.0


def _balance_db(channels: Powers) -> float:
    """Left over right in dB, 0 for mono and silence; a nearly silent channel counts as 30 dB down."""
    floor = ONE_SIDED * float(channels.sum())
    return float(10 * np.log10(max(channels[0], floor) / max(channels[-1], floor))) if floor > 0 else 0.0
