"""Loudness after ITU-R BS.1770-5 and EBU Tech 3341/3342: integrated, momentary, short-term and range.

Powers are calculated over units of 20 ms, of which every window is a whole number: 400 ms momentary, 3 s short-term,
gating blocks of 400 ms every 100 ms. An incomplete window at the end is not used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyloudnorm
from numpy.typing import NDArray
from scipy.signal import sosfilt

from catalog.selection.metrics import Measured, NotMeasurable, Reading
from tasks.audio.audio import Audio, Samples

Powers = NDArray[np.float64]

UNIT_MS = 20
MOMENTARY_MS = 400
SHORT_TERM_MS = 3000
BLOCK_STEP_MS = 100
OFFSET_LU = -0.691
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
RANGE_GATE_LU = -20.0
PASS_HZ, PASS_Q = 38.13547087602444, 0.5003270373238773
LOWEST_HZ = 8000
"""No programme has a lower rate. Under four times its corner the filter's shelf is distorted, then unstable."""

SILENCE_LUFS = -120.0
"""A window at or below this counts as silence: far below 24-bit noise, where only filter tails ring."""

WEIGHTS: dict[int, tuple[float, ...]] = {
    1: (1.0,),
    2: (1.0, 1.0),
    5: (1.0, 1.0, 1.0, 1.41, 1.41),
    6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41),
}
"""Channel weights of BS.1770-5 for mono, stereo, 5.0 (L R C Ls Rs) and 5.1 (L R C LFE Ls Rs)."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """The loudness of a whole programme: LUFS, and LU for the range."""

    integrated_lufs: Reading
    loudness_range_lu: Reading
    max_momentary_lufs: Reading
    max_short_term_lufs: Reading


class Series(NamedTuple):
    """Loudness against time: the end of each window in seconds and its level in LUFS, None where it is silent."""

    end_s: list[float]
    lufs: list[float | None]


def measure_loudness(audio: Audio) -> Loudness:
    """All four readings of a programme of shape (channels, frames); a reading that cannot be measured states why."""
    fault = unmeasurable(audio)
    return Loudness(fault, fault, fault, fault) if fault else loudness_of(unit_powers(audio))


def loudness_of(powers: Powers) -> Loudness:
    """All four readings, from the powers (units,) of units of 20 ms that :func:`unit_powers` gives."""
    return Loudness(
        integrated_lufs=_integrated(powers),
        loudness_range_lu=_loudness_range(powers),
        max_momentary_lufs=_maximum(powers, MOMENTARY_MS),
        max_short_term_lufs=_maximum(powers, SHORT_TERM_MS),
    )


def integrated_lufs(audio: Audio) -> Reading:
    """Integrated loudness in LUFS, gated at -70 LUFS and 10 LU under the mean (BS.1770-5, Annex 1)."""
    return unmeasurable(audio) or _integrated(unit_powers(audio))


def momentary_series(audio: Audio, step_s: float = 0.02) -> Series:
    """Momentary loudness (400 ms) in LUFS every ``step_s``; empty where it cannot be measured.

    Raises ValueError where ``step_s`` is not a whole number of milliseconds.
    """
    return _series(audio, MOMENTARY_MS, step_s)


def short_term_series(audio: Audio, step_s: float = 0.02) -> Series:
    """Short-term loudness (3 s) in LUFS every ``step_s``; empty where it cannot be measured.

    Raises ValueError where ``step_s`` is not a whole number of milliseconds.
    """
    return _series(audio, SHORT_TERM_MS, step_s)


def pyloudnorm_integrated(audio: Audio) -> Reading:
    """Integrated loudness in LUFS by pyloudnorm, as an independent check.

    Uses its ``DeMan`` filter (the default reads 0.04 LU low) and whole 100 ms only, since it divides a partial last
    block by a full one. Its high-pass has the gain of the standard's at 48 kHz only, 0.21 dB too much at 8 kHz, which
    is subtracted.
    """
    fault = unmeasurable(audio)
    if fault is not None:
        return fault
    whole_frames = unit_edges(audio.frames, audio.rate, BLOCK_STEP_MS)[-1]
    if not np.any(audio.samples[:, :whole_frames]):
        return NotMeasurable("digital silence has no loudness")
    meter = pyloudnorm.Meter(audio.rate, filter_class="DeMan")
    with np.errstate(divide="ignore"):
        value = float(meter.integrated_loudness(audio.samples[:, :whole_frames].T))
    value -= 20 * math.log10(_pass_norm(audio.rate) / _pass_norm(48000))
    return Measured(value) if math.isfinite(value) else NotMeasurable("nothing is louder than -70 LUFS")


def k_weighting(rate: int) -> NDArray[np.float64]:
    """The K filter of BS.1770-5 at any rate from 8 kHz on, as two second-order sections, shape (2, 6).

    Bilinear transforms of one analogue prototype (De Man, "Evaluation of implementations of the EBU R128 loudness
    measurement", AES 2018). The standard's 48 kHz high-pass is not normalised; its gain is kept at all rates. Raises
    ValueError for a lower rate, which :func:`unmeasurable` reports.
    """
    if rate < LOWEST_HZ:
        raise ValueError(f"there is no K filter at {rate} Hz")
    shelf_hz, shelf_db, shelf_q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
    high, band = 10 ** (shelf_db / 20), 10 ** (shelf_db / 20 * 0.4996667741545416)
    k = math.tan(math.pi * shelf_hz / rate)
    shelf = _section(
        (high + band * k / shelf_q + k * k, 2 * (k * k - high), high - band * k / shelf_q + k * k), k, shelf_q
    )
    gain = _pass_norm(48000)
    return np.array([shelf, _section((gain, -2 * gain, gain), math.tan(math.pi * PASS_HZ / rate), PASS_Q)])


def _pass_norm(rate: int) -> float:
    """The normalisation of the K filter's high-pass at a rate; the standard leaves it out at 48 kHz."""
    return _norm(math.tan(math.pi * PASS_HZ / rate), PASS_Q)


def _section(numerator: tuple[float, float, float], k: float, q: float) -> list[float]:
    norm = _norm(k, q)
    return [coefficient / norm for coefficient in numerator] + [1.0, 2 * (k * k - 1) / norm, (1 - k / q + k * k) / norm]


def _norm(k: float, q: float) -> float:
    return 1 + k / q + k * k


def unit_powers(audio: Audio, unit_ms: int = UNIT_MS) -> Powers:
    """Weighted mean square of the K-filtered channels over each whole unit of ``unit_ms``, shape (units,)."""
    edges = unit_edges(audio.frames, audio.rate, unit_ms)
    return weighted_energies(audio, edges) / np.diff(edges)


def weighted_energies(audio: Audio, edges: NDArray[np.int64]) -> Powers:
    """Weighted sum of squares of the K-filtered channels between neighbours of the rising ``edges`` (frames).

    Shape (edges - 1,).
    """
    energies = np.zeros(len(edges) - 1)
    if energies.size == 0:
        return energies
    for weight, channel in zip(WEIGHTS[audio.channels], audio.samples, strict=True):
        if weight:
            filtered_channel = k_filtered(channel[: edges[-1]], audio.rate)
            np.square(filtered_channel, out=filtered_channel)
            energies += weight * np.add.reduceat(filtered_channel, edges[:-1])
    return energies


def k_filtered(channel: Samples, rate: int) -> Powers:
    """One channel (frames,) through the K filter, starting from rest; float64."""
    return np.asarray(sosfilt(k_weighting(rate), channel.astype(np.float64)))


def unit_edges(frames: int, rate: int, unit_ms: int) -> NDArray[np.int64]:
    """First frames of the whole units of ``unit_ms`` in ``frames``, and the end of the last; shape (units + 1,)."""
    count = frames * 1000 // (rate * unit_ms)
    edges = (np.arange(count + 2) * rate * unit_ms + 500) // 1000
    return edges[edges <= frames]


def unmeasurable(audio: Audio) -> NotMeasurable | None:
    """Why the loudness of this audio cannot be measured; None where it can."""
    if audio.rate < LOWEST_HZ:
        return NotMeasurable(
            f"a rate of {audio.rate} Hz is under {LOWEST_HZ // 1000} kHz, too low for the loudness filter"
        )
    if audio.channels not in WEIGHTS:
        return NotMeasurable(f"{audio.channels} channels have no defined loudness weights")
    if audio.frames * 1000 < audio.rate * MOMENTARY_MS:
        return NotMeasurable(f"{audio.duration_s:.3f} s is less than one block of 400 ms")
    nonfinite = audio.samples.size - int(np.count_nonzero(np.isfinite(audio.samples)))
    return NotMeasurable(f"{nonfinite} samples are not finite numbers") if nonfinite else None


def _windows(powers: Powers, window_ms: int, step_ms: int, unit_ms: int = UNIT_MS) -> Powers:
    """Mean power of each whole window, shape (windows,)."""
    units = window_ms // unit_ms
    if len(powers) < units:
        return np.zeros(0)
    means: Powers = np.lib.stride_tricks.sliding_window_view(powers, units)[:: step_ms // unit_ms].mean(axis=1)
    return means


def lufs_of(power: float) -> float:
    """Loudness in LUFS of a weighted mean square above zero."""
    return OFFSET_LU + 10 * math.log10(power)


def _power_of(lufs: float) -> float:
    return float(10 ** ((lufs - OFFSET_LU) / 10))


def _gated(blocks: Powers, relative_lu: float) -> Powers:
    """The blocks above the absolute gate and above ``relative_lu`` of their mean."""
    blocks = blocks[blocks > _power_of(ABSOLUTE_GATE_LUFS)]
    return blocks[blocks > blocks.mean() * 10 ** (relative_lu / 10)] if blocks.size else blocks


def _integrated(powers: Powers) -> Reading:
    return gated_loudness(_windows(powers, MOMENTARY_MS, BLOCK_STEP_MS))


def gated_loudness(blocks: Powers) -> Reading:
    """Integrated loudness in LUFS of the powers of gating blocks, shape (blocks,)."""
    gated_blocks = _gated(blocks, RELATIVE_GATE_LU)
    return (
        Measured(lufs_of(float(gated_blocks.mean())))
        if gated_blocks.size
        else NotMeasurable("nothing is louder than -70 LUFS")
    )


def _loudness_range(powers: Powers) -> Reading:
    """Loudness range in LU (Tech 3342): 95th less 10th percentile of gated short-term levels, one every 100 ms."""
    windows = _windows(powers, SHORT_TERM_MS, BLOCK_STEP_MS)
    if windows.size == 0:
        return NotMeasurable("less than one short-term window of 3 s")
    gated_windows = _gated(windows, RANGE_GATE_LU)
    if gated_windows.size == 0:
        return NotMeasurable("nothing is louder than -70 LUFS")
    low, high = np.percentile(gated_windows, (10, 95), method="nearest")
    return Measured(10 * math.log10(high / low))


def _maximum(powers: Powers, window_ms: int) -> Reading:
    windows = _windows(powers, window_ms, UNIT_MS)
    if windows.size == 0:
        return NotMeasurable(f"less than one window of {window_ms} ms")
    power = float(windows.max())
    return Measured(lufs_of(power)) if power > _power_of(SILENCE_LUFS) else NotMeasurable("silence has no loudness")


def _series(audio: Audio, window_ms: int, step_s: float) -> Series:
    step_ms = round(step_s * 1000)
    if step_ms < 1 or abs(step_ms - step_s * 1000) > 1e-6:
        raise ValueError(f"a step of {step_s} s is not a whole number of milliseconds")
    if unmeasurable(audio) is not None:
        return Series([], [])
    unit_ms = math.gcd(step_ms, window_ms)
    return _series_of(unit_powers(audio, unit_ms), window_ms, step_ms, unit_ms)


def series_of(powers: Powers) -> tuple[Series, Series]:
    """Momentary and short-term loudness in LUFS every 20 ms, from the powers of units of 20 ms."""
    momentary, short_term = (
        _series_of(powers, window_ms, UNIT_MS, UNIT_MS) for window_ms in (MOMENTARY_MS, SHORT_TERM_MS)
    )
    return momentary, short_term


def _series_of(powers: Powers, window_ms: int, step_ms: int, unit_ms: int) -> Series:
    windows = _windows(powers, window_ms, step_ms, unit_ms)
    ends = [(window_ms + index * step_ms) / 1000 for index in range(len(windows))]
    floor = _power_of(SILENCE_LUFS)
    return Series(ends, [lufs_of(power) if power > floor else None for power in windows.tolist()])
