"""True peak after ITU-R BS.1770-5, Annex 2, at 8x oversampling, in little memory and time.

The whole signal is oversampled only 2x, by a filter that is flat to 98.5 % of half the rate: a resampler's filter,
which rolls off from 91 %, reads up to 0.15 dB too little on bright masters. Where a signal band-limited to half the
rate has its highest peak M, it lies above M·cos(pi·d) at d samples from there (Duffin and Schaeffer 1938), so the two
neighbours of the peak on the 2x grid, half a sample apart, have squares that sum to M² at least. And a curve rises
above a chord no more than its second differences nearby allow. Only intervals that pass both tests against the highest
value so far are evaluated on the finer grid.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from catalog.selection.metrics import Measured, NotMeasurable, Reading
from tasks.audio.audio import Audio, Samples
from tasks.audio.sliding import Sliding

BLOCK = 1 << 16
"""Frames oversampled at a time."""

REACH = 384
HALF_SAMPLE_BETA = 10.0
"""Samples on either side that contribute to a value between two samples, and their window's shape: 100 dB."""

TAPS = 32
MIDDLE, MIDDLE_BETA = 6, 6.0
"""For the limiter, which evaluates every point: half as many samples halfway between two of the 2x grid, 60 dB."""

NEARLY = 0.999
LARGEST = 1e9
"""A larger value is a fault, not a level; squares and filters of 32-bit floats would soon give infinities."""

KAISER_BETA = 14.0
"""Interpolation on the 2x grid has a transition band of an octave: 32 taps give 140 dB."""


def sample_peak_dbfs(audio: Audio) -> Reading:
    """Highest absolute sample over all channels, dBFS."""
    return _unmeasurable(audio) or _level(_sample_peak(audio))


def true_peak_dbtp(audio: Audio, oversampling: int = 8) -> Reading:
    """Highest absolute value between and on the samples, over all channels, dBTP.

    Raises ValueError where ``oversampling`` is not even.
    """
    if oversampling < 2 or oversampling % 2:
        raise ValueError(f"oversampling by {oversampling} is not even")
    return _unmeasurable(audio) or _level(_true_peak(audio, oversampling, peak=_sample_peak(audio)))


def streamed_true_peak_dbtp(sound: Sliding, *, sample_peak: float, not_finite: int) -> Reading:
    """The true peak in dBTP of a recording whose sample peak and non-finite samples were counted in a first pass."""
    fault = _fault(sound.frames, not_finite, sample_peak)
    return fault or _level(_true_peak(sound, 8, peak=sample_peak))


def streamed_sample_peak_dbfs(frames: int, *, sample_peak: float, not_finite: int) -> Reading:
    """The sample peak in dBFS of such a recording."""
    return _fault(frames, not_finite, sample_peak) or _level(sample_peak)


def resampled_peak_dbtp(audio: Audio) -> Reading:
    """The true peak in dBTP, 8 times oversampled by another method: soxr's filter, which rolls off as most meters' do.

    It begins to at 91 % of half the rate. On music the two agree; where there is noise right up to half the rate either
    may read up to 0.3 dB more.
    """
    fault = _unmeasurable(audio)
    if fault is not None:
        return fault
    blocks = _resampled(audio)
    return _level(max(_sample_peak(audio), *(float(np.max(np.abs(block), initial=0.0)) for block in blocks)))


def _resampled(audio: Audio) -> Iterator[Samples]:
    """The audio at 8 times its rate in blocks of shape (channels, frames), with silence before and after it."""
    stream = soxr.ResampleStream(audio.rate, audio.rate * 8, audio.channels, dtype="float32", quality="VHQ")
    padding = np.zeros((REACH, audio.channels), np.float32)
    yield stream.resample_chunk(padding).T
    for start in range(0, audio.frames, BLOCK):
        yield stream.resample_chunk(np.ascontiguousarray(audio.samples[:, start : start + BLOCK].T)).T
    yield stream.resample_chunk(padding, last=True).T


def quadrupled(audio: Audio) -> Iterator[Samples]:
    """The audio at four times its rate, exactly 4 x ``frames`` long, in blocks of shape (channels, frames)."""
    kernel = _windowed_sinc(np.arange(0.5 - MIDDLE, MIDDLE), MIDDLE, MIDDLE_BETA)
    tail = np.zeros((audio.channels, 0), np.float32)
    skipped_frames, remaining_frames = 2 * (2 * (REACH + TAPS) - (MIDDLE - 1)), 4 * audio.frames
    for block in doubled(audio):
        row = np.concatenate([tail, block], axis=1)
        count = row.shape[1] - 2 * MIDDLE + 1
        fine_block = np.empty((audio.channels, 2 * count), np.float32)
        fine_block[:, ::2] = row[:, MIDDLE - 1 : MIDDLE - 1 + count]
        for midpoints, channel in zip(fine_block[:, 1::2], row, strict=True):
            midpoints[:] = np.convolve(channel, kernel, "valid")
        tail = row[:, count:]
        wanted_frames = fine_block[:, skipped_frames : skipped_frames + remaining_frames]
        skipped_frames, remaining_frames = (
            max(0, skipped_frames - fine_block.shape[1]),
            remaining_frames - wanted_frames.shape[1],
        )
        yield wanted_frames


def doubled(audio: Audio | Sliding) -> Iterator[Samples]:
    """The audio at twice its rate in blocks of shape (channels, frames), with silence before and after it.

    Every other value is a sample itself; those between are sums over :data:`REACH` samples on either side.
    """
    size = next_fast_len(BLOCK + 2 * REACH - 1, real=True)
    kernel = rfft(_windowed_sinc(np.arange(0.5 - REACH, REACH), REACH, HALF_SAMPLE_BETA), size)
    margin = REACH + TAPS
    for start in range(-margin, audio.frames + margin, BLOCK):
        count = min(BLOCK, audio.frames + margin - start)
        first_frame, last_frame = start - REACH + 1, start + count + REACH
        part = np.zeros((audio.channels, last_frame - first_frame), np.float32)
        low, high = max(first_frame, 0), min(last_frame, audio.frames)
        if high > low:
            part[:, low - first_frame : high - first_frame] = audio.samples[:, low:high]
        row = np.empty((audio.channels, 2 * count), np.float32)
        row[:, ::2] = part[:, REACH - 1 : REACH - 1 + count]
        row[:, 1::2] = irfft(rfft(part, size) * kernel, size)[:, 2 * REACH - 1 : 2 * REACH - 1 + count]
        yield row


def _windowed_sinc(offsets: NDArray[np.float64], reach: float, beta: float) -> NDArray[np.float32]:
    """A sinc with a Kaiser window that ends ``reach`` from its middle."""
    window = np.i0(beta * np.sqrt(np.maximum(0.0, 1 - (offsets / reach) ** 2))) / np.i0(beta)
    return (np.sinc(offsets) * window).astype(np.float32)


def _true_peak(audio: Audio | Sliding, oversampling: int, *, peak: float) -> float:
    """The true peak (linear), not below the sample ``peak``."""
    kernels = _kernels(oversampling // 2)
    tail = np.zeros((audio.channels, 0), np.float32)
    for block in doubled(audio):
        row = np.concatenate([tail, block], axis=1)
        peak = max(peak, float(np.max(np.abs(block), initial=0.0)))
        if row.shape[1] >= TAPS:
            peak = max(peak, *(_peak_between(channel, kernels, peak) for channel in row))
        tail = row[:, -(TAPS - 1) :]
    return peak


def _kernels(parts: int) -> NDArray[np.float32]:
    """Windowed sincs for the inner points of an interval cut into ``parts``, shape (taps, parts - 1)."""
    offsets = np.arange(TAPS)[:, None] - (TAPS // 2 - 1) - np.arange(1, parts) / parts
    return _windowed_sinc(offsets, TAPS / 2, KAISER_BETA)


def _bulge(kernels: NDArray[np.float32]) -> float:
    """The largest height of an interpolated value above its chord, in units of the largest second difference nearby.

    Value less chord is a sum over the points with weights that cancel constants and straight lines; summed twice they
    are its weights on second differences.
    """
    parts = kernels.shape[1] + 1
    deviations = kernels.astype(np.float64)
    deviations[TAPS // 2 - 1] -= 1 - np.arange(1, parts) / parts
    deviations[TAPS // 2] -= np.arange(1, parts) / parts
    return float(np.abs(np.cumsum(np.cumsum(deviations, axis=0), axis=0)).sum(axis=0).max(initial=0.0))


def _peak_between(line: Samples, kernels: NDArray[np.float32], peak: float) -> float:
    """Highest value inside those intervals of the 2x grid that could hold one above ``peak``."""
    if peak == 0:
        return 0.0
    windows = np.lib.stride_tricks.sliding_window_view(line, TAPS)
    inner_magnitudes = np.abs(line[TAPS // 2 - 1 : TAPS // 2 + len(windows)])
    squares = np.square(inner_magnitudes)
    candidates = np.flatnonzero(squares[:-1] + squares[1:] >= np.float32(peak * peak * NEARLY))
    if candidates.size:
        chord = np.maximum(inner_magnitudes[candidates], inner_magnitudes[candidates + 1])
        candidates = candidates[chord + _bulge(kernels) * _bends(line)[candidates // TAPS] >= np.float32(peak * NEARLY)]
    return float(np.abs(windows[candidates] @ kernels).max(initial=0.0))


def _bends(line: Samples) -> Samples:
    """Largest second difference within any window that starts within each ``TAPS`` points."""
    size = np.abs(np.diff(line, 2))
    blocks = np.pad(size, (0, -len(size) % TAPS + 2 * TAPS)).reshape(-1, TAPS).max(axis=1)
    return np.asarray(np.maximum(blocks[:-1], blocks[1:]))


def _sample_peak(audio: Audio) -> float:
    return max(float(audio.samples.max()), -float(audio.samples.min()))


def _unmeasurable(audio: Audio) -> NotMeasurable | None:
    nonfinite = audio.samples.size - int(np.count_nonzero(np.isfinite(audio.samples)))
    return _fault(audio.frames, nonfinite, _sample_peak(audio) if audio.frames and not nonfinite else 0.0)


def _fault(frames: int, bad: int, peak: float) -> NotMeasurable | None:
    if frames == 0:
        return NotMeasurable("there are no samples")
    if bad:
        return NotMeasurable(f"{bad} samples are not finite numbers")
    return NotMeasurable(f"samples reach {peak:.3g} times full scale") if peak > LARGEST else None


def _level(peak: float) -> Reading:
    return Measured(20 * math.log10(peak)) if peak > 0 else NotMeasurable("digital silence has no peak")
