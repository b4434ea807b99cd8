"""Readings of the long-term spectrum: its upper limit, whether that is a cut, and how noise-like it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.signal import get_window

from catalog.selection.metrics import Measured, NotMeasurable, Reading, Window
from tasks.audio.audio import Audio
from tasks.scoring.measures.noise import noise_ratio, octave_edges
from tasks.scoring.measures.waveform import SILENCE_DBFS

FRAME = 4096
BATCH = 64
BAND_HZ = 100.0
FLOOR_DB = -80.0
"""Content ends where the spectrum stays this far under its strongest band: decoder noise and dither lie below."""

WALL_DB = 25.0
WALL_FROM_HZ = 3000.0
WALL_BELOW_HZ = 1000.0
WALL_WIDTH_HZ = 500.0
CUT_DB = 30.0
"""From this fall on an edge is a cut and no roll-off, however steep: codecs read 32 to 85 dB, instruments 9 to 21."""

CUT_WITHIN_DB = 60.0
"""Under a cut there is content: most bands of the 1 kHz below lie within this of the strongest of all."""

CUT_FILLED_DB = 12.0
"""And it fills them: three quarters of their bins lie within this of the mean. Where songs, noise, drums or guitars are
cut off the lowest quarter begins 0 to 4.5 dB under it; between the lines of saws, additive pads and keys, whose topmost
partials end as steeply, 25 to 50 dB."""

HIGHEST_HZ = 22_050.0
"""Half of 44.1 kHz: the spectrum is read up to here at every rate, so that takes of 44.1 and 48 kHz compare. It is also
the value for "not cut off", at lower rates too, so that a gate on it does not reject a rate."""

OWN_EDGE = 0.9
"""An edge from this share of half the sampling rate on, or of 22.05 kHz, is the rate's own, as resamplers leave it."""

FLATNESS_HZ = (200.0, 8000.0)
WINDOW_S = 10.0

_LEAST = 1e-100
_SILENT_SUM = 10 ** (SILENCE_DBFS / 10) * FRAME * 0.375 * FRAME / 2
"""The sum of a Hann-windowed frame at -60 dBFS over its bins (Parseval; the window's mean square is 0.375)."""

Spectrum = NDArray[np.float64]


class Spectral(NamedTuple):
    """The readings of a spectrum: its upper limit in Hz, the cut there, and how noise-like it is."""

    bandwidth_hz: Reading
    cutoff_hz: Reading
    flatness: Reading
    noise_ratio: Reading


def spectral_readings(audio: Audio) -> Spectral:
    """All readings of (channels, frames), from one pass of 4096-sample frames.

    Bandwidth and flatness are also measured in windows of 10 s.
    """
    if audio.frames < FRAME:
        too_short = NotMeasurable(f"{audio.frames} samples are less than one frame of {FRAME}")
        return Spectral(too_short, too_short, too_short, too_short)
    window_spectra, flatness, octaves = _pass(audio)
    total: Spectrum = np.sum(window_spectra, axis=0)
    is_sounding = ~np.isnan(flatness)
    if not is_sounding.any() or not total.any():
        silence = NotMeasurable(f"no frame is louder than {SILENCE_DBFS:.0f} dBFS")
        return Spectral(silence, silence, silence, silence)
    levels = _band_levels(total, audio.rate)
    return Spectral(
        bandwidth_hz=Measured(_bandwidth_hz(levels, audio.rate), _bandwidths(window_spectra, audio)),
        cutoff_hz=Measured(_cutoff_hz(total, levels, audio.rate)),
        flatness=Measured(float(np.median(flatness[is_sounding])), _flat_windows(flatness, audio)),
        noise_ratio=noise_ratio(
            octaves,
            octave_edges(FRAME, audio.rate),
            in_second=round(audio.rate / FRAME),
            silent=~is_sounding,
        ),
    )


def _pass(audio: Audio) -> tuple[list[Spectrum], Spectrum, Spectrum]:
    """One pass over the audio.

    Gives the summed power spectrum (bins,) of each window of 10 s, the flatness (frames,), NaN for silent frames, and
    the spectra (frames, bins) over the octaves of the noise measure.
    """
    edges = octave_edges(FRAME, audio.rate)
    audible_bins = slice(edges[0], edges[-1]) if len(edges) else slice(0)
    octaves: list[Spectrum] = []
    in_window = _frames_in_window(audio)
    window_spectra: list[Spectrum] = []
    flatness: list[Spectrum] = []
    frame_count = 0
    for powers in _frames(audio):
        first_window = frame_count // in_window
        last_window = (frame_count + len(powers) - 1) // in_window
        for window_index in range(first_window, last_window + 1):
            window_powers = powers[
                max(0, window_index * in_window - frame_count) : (window_index + 1) * in_window - frame_count
            ]
            if window_index == len(window_spectra):
                window_spectra.append(np.zeros(FRAME // 2 + 1))
            window_spectra[window_index] += window_powers.sum(axis=0)
        flatness.append(_flatness(powers, audio.rate))
        octaves.append(powers[:, audible_bins])
        frame_count += len(powers)
    return window_spectra, np.concatenate(flatness), np.concatenate(octaves)


def _frames_in_window(audio: Audio) -> int:
    return max(1, round(WINDOW_S * audio.rate / FRAME))


def _times(audio: Audio, at: int) -> tuple[float, float]:
    step_s = _frames_in_window(audio) * FRAME / audio.rate
    return at * step_s, min((at + 1) * step_s, audio.duration_s)


def _bandwidths(parts: list[Spectrum], audio: Audio) -> tuple[Window, ...]:
    """Bandwidth in Hz of each audible window."""
    windows = []
    for window_index, part in enumerate(parts):
        if part.any():
            levels = _band_levels(part, audio.rate)
            windows.append(Window(*_times(audio, window_index), _bandwidth_hz(levels, audio.rate)))
    return tuple(windows)


def _flat_windows(flatness: Spectrum, audio: Audio) -> tuple[Window, ...]:
    """Median flatness of each audible window."""
    windows = []
    step = _frames_in_window(audio)
    for window_index in range(-(-len(flatness) // step)):
        window_flatness = flatness[window_index * step : (window_index + 1) * step]
        if not np.isnan(window_flatness).all():
            windows.append(Window(*_times(audio, window_index), float(np.nanmedian(window_flatness))))
    return tuple(windows)


def _frames(audio: Audio) -> Iterator[Spectrum]:
    """Power spectra of the frames, all channels summed, a batch at a time, shape (frames, bins)."""
    window = get_window("hann", FRAME).astype(np.float32)
    whole_frames = audio.samples[:, : audio.frames // FRAME * FRAME].reshape(audio.channels, -1, FRAME)
    for start in range(0, whole_frames.shape[1], BATCH):
        spectra = rfft(whole_frames[:, start : start + BATCH] * window)
        yield np.sum(np.square(spectra.real, dtype=np.float64) + np.square(spectra.imag, dtype=np.float64), axis=0)


def _flatness(powers: Spectrum, rate: int) -> Spectrum:
    """Geometric over arithmetic mean of the bins from 200 Hz to 8 kHz, (frames,); NaN for a frame under -60 dBFS."""
    low, high = (int(hz * FRAME / rate) for hz in FLATNESS_HZ)
    band = powers[:, low : high + 1]
    means = np.maximum(band.mean(axis=1), _LEAST)
    ratio: Spectrum = np.exp(np.log(np.maximum(band, means[:, None] * 1e-12)).mean(axis=1)) / means
    ratio[powers.sum(axis=1) <= _SILENT_SUM] = np.nan
    return ratio


class _Wall(NamedTuple):
    """The top of the spectrum under a brick wall, to 100 Hz, and the fall over it."""

    top_hz: float
    fall_db: float


def _wall(levels: Spectrum) -> _Wall | None:
    """An edge from 3 kHz up over which the spectrum falls by 25 dB within 500 Hz, from the mean of the 1 kHz under it,
    and stays down; None where there is none.

    Leakage past an old resampler or codec is no content.
    """
    bands_below, width = int(WALL_BELOW_HZ / BAND_HZ), int(WALL_WIDTH_HZ / BAND_HZ)
    highest_above = np.maximum.accumulate(levels[::-1])[::-1]
    for edge in range(max(int(WALL_FROM_HZ / BAND_HZ), bands_below), len(levels) - width):
        level_below = levels[edge - bands_below : edge].mean()
        if level_below - highest_above[edge + width] >= WALL_DB:
            top = int(np.flatnonzero(levels[: edge + width] >= level_below - WALL_DB / 2)[-1])
            fall = levels[max(0, top - bands_below) : top].mean() - highest_above[min(top + width, len(levels) - 1)]
            return _Wall((top + 1) * BAND_HZ, float(fall))
    return None


def _cutoff_hz(total: Spectrum, levels: Spectrum, rate: int) -> float:
    """The edge in Hz of a brick wall that cuts content off; 22,050 where there is none."""
    wall = _wall(levels)
    if wall is None or wall.fall_db < CUT_DB or wall.top_hz >= OWN_EDGE * min(rate / 2, HIGHEST_HZ):
        return HIGHEST_HZ
    under_hz = max(0.0, wall.top_hz - WALL_BELOW_HZ)
    bands = levels[int(under_hz / BAND_HZ) : int(wall.top_hz / BAND_HZ)]
    bins = total[int(under_hz * FRAME / rate) : int(wall.top_hz * FRAME / rate)]
    is_loud = np.mean(bands >= levels.max() - CUT_WITHIN_DB) > 0.5
    is_filled = np.percentile(bins, 25) >= bins.mean() * 10 ** (-CUT_FILLED_DB / 10)
    return wall.top_hz if is_loud and is_filled else HIGHEST_HZ


def _bandwidth_hz(levels: Spectrum, rate: int) -> float:
    """The edge of a brick wall, else the top of the highest band within 80 dB of the strongest; in Hz, to 100 Hz, and
    22,050 at most."""
    if wall := _wall(levels):
        return min(wall.top_hz, rate / 2, HIGHEST_HZ)
    top = int(np.flatnonzero(levels >= levels.max() + FLOOR_DB)[-1])
    return min((top + 1) * BAND_HZ, rate / 2, HIGHEST_HZ)


def _band_levels(total: Spectrum, rate: int) -> Spectrum:
    """Mean power in bands of 100 Hz, in dB, from the second band up to half the rate, shape (bands,)."""
    starts = np.unique((np.arange(0, rate / 2, BAND_HZ) * FRAME / rate).astype(np.int64))
    means = np.add.reduceat(total, starts) / np.diff(starts, append=len(total))
    floor = np.maximum(means, means.max() * 1e-30)
    levels: Spectrum = 10 * np.log10(floor)
    return levels
