"""The measurements of one pass over a recording in blocks: clipped tops, channel powers, spectrum."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.style.mulan.names import WINDOW_S
from tasks.style.reference.spectrum_edge import FRAME, Levels, band_levels, wall_hz

Frames = NDArray[np.float32]

SPECTRA_AT_MOST = 4096
"""Frames of the spectrum that are kept, spread over the length: 3 MB, for any length of recording."""

FLAT_SAMPLES = 3
CORNER = 4 / 32768
"""A clipped top drops at its ends by more than four steps of 16 bits; the round top of a slow wave does not."""

QUIETEST_CLIP = 0.05
ONE_SIDED_DB = 60.0
LOWEST_DBFS = -200.0


@dataclass(slots=True)
class Top:
    """Flat runs at the largest value that one side of a channel has reached so far."""

    height: float = QUIETEST_CLIP
    runs: int = 0

    def take(self, side: Frames) -> None:
        """Add the next samples, with the sign that makes this side positive. A run across two blocks may be missed."""
        height = float(side.max(initial=0.0))
        if height < self.height:
            return
        if height > self.height:
            self.height, self.runs = height, 0
        self.runs += _clipped_runs(side, np.float32(height))


def _clipped_runs(side: Frames, height: np.float32) -> int:
    top_frames = np.flatnonzero(side == height)
    if top_frames.size < FLAT_SAMPLES:
        return 0
    breaks = np.flatnonzero(np.diff(top_frames) > 1)
    starts, ends = top_frames[np.append(0, breaks + 1)], top_frames[np.append(breaks, top_frames.size - 1)]
    is_flat = ends - starts >= FLAT_SAMPLES - 1
    samples_before = side[np.maximum(starts[is_flat] - 1, 0)]
    samples_after = side[np.minimum(ends[is_flat] + 1, len(side) - 1)]
    return int(np.count_nonzero(np.maximum(height - samples_before, height - samples_after) > CORNER))


class Middle(Protocol):
    """Measures the power of the ten seconds around the middle."""

    def take(self, block: Frames, start: int) -> None:
        """Add the next frames, of which the first is frame ``start`` of the recording."""

    def power(self, frames: int) -> float:
        """The mean square over all channels, once all ``frames`` were added."""


@dataclass(slots=True)
class KnownMiddle:
    """The middle of a recording of known length."""

    rate: int
    frames: int
    energy: float = 0.0
    taken: int = 0

    def take(self, block: Frames, start: int) -> None:
        """See :class:`Middle`."""
        edges = (self.frames - WINDOW_S * self.rate) // 2, (self.frames + WINDOW_S * self.rate) // 2
        first_frame, end_frame = (min(max(0, edge - start), len(block)) for edge in edges)
        if end_frame > first_frame:
            self.energy += float(np.square(block[first_frame:end_frame]).sum(dtype=np.float64)) / block.shape[1]
            self.taken += end_frame - first_frame

    def power(self, frames: int) -> float:
        """See :class:`Middle`."""
        return self.energy / max(1, self.taken)


@dataclass(slots=True)
class SoughtMiddle:
    """The middle of a recording whose length is known only at its end: energies are kept for each tenth of a second."""

    rate: int
    energies: list[float] = field(default_factory=list)

    def take(self, block: Frames, start: int) -> None:
        """See :class:`Middle`."""
        step = max(1, self.rate // 10)
        first_step = start // step
        places = np.arange(start, start + len(block)) // step - first_step
        sums = np.bincount(places, weights=np.square(block).mean(axis=1, dtype=np.float64))
        self.energies += [0.0] * (first_step + len(sums) - len(self.energies))
        for place, energy in enumerate(sums, first_step):
            self.energies[place] += float(energy)

    def power(self, frames: int) -> float:
        """See :class:`Middle`."""
        step = max(1, self.rate // 10)
        first_step = max(0, (frames - WINDOW_S * self.rate) // 2 // step)
        end_step = min(len(self.energies), -(-(frames + WINDOW_S * self.rate) // 2 // step))
        frame_count = min(frames, end_step * step) - first_step * step
        return sum(self.energies[first_step:end_step]) / max(1, frame_count)


class Signs:
    """Takes a recording in blocks of shape (frames, channels) and gives its measurements.

    ``frames`` is the length in the header; it determines the spacing of the spectra and the middle. Where it is not
    stated (None), the middle is found afterwards, to a tenth of a second.
    """

    def __init__(self, rate: int, channels: int, *, frames: int | None) -> None:
        self.channels = channels
        self._rate = rate
        self._done = 0
        self._middle: Middle = SoughtMiddle(rate) if frames is None else KnownMiddle(rate, frames)
        self._tops = [Top() for _ in range(2 * channels)]
        self._energies = np.zeros(channels)
        self._mid_energy = self._side_energy = 0.0
        self._every = 1 if frames is None else max(1, math.ceil(frames / FRAME / SPECTRA_AT_MOST))
        self._kept = 0
        self._spectra = 0
        self._levels: list[Levels] = []

    def take(self, block: Frames) -> None:
        """Add the next frames, shape (frames, channels), all finite."""
        for channel_index, channel in enumerate(block.T):
            self._tops[2 * channel_index].take(channel)
            self._tops[2 * channel_index + 1].take(-channel)
            self._energies[channel_index] += float(np.dot(channel, channel))
        mono = block.mean(axis=1)
        if self.channels == 2:
            side = (block[:, 0] - block[:, 1]) / 2
            self._mid_energy += float(np.dot(mono, mono))
            self._side_energy += float(np.dot(side, side))
        self._middle.take(block, self._done)
        self._take_spectra(mono)
        self._done += len(block)

    def _take_spectra(self, mono: Frames) -> None:
        whole_frames = mono[: len(mono) // FRAME * FRAME].reshape(-1, FRAME)
        chosen_frames = whole_frames[-self._spectra % self._every :: self._every]
        self._spectra += len(whole_frames)
        if len(chosen_frames):
            self._levels.append(band_levels(chosen_frames, self._rate))
            self._kept += len(chosen_frames)
        if self._kept > 2 * SPECTRA_AT_MOST:  # only for an unknown length
            self._levels = [np.concatenate(self._levels)[::2]]
            self._kept = len(self._levels[0])
            self._every *= 2

    @property
    def frames(self) -> int:
        """The number of frames so far."""
        return self._done

    @property
    def duration_s(self) -> float:
        """The number of seconds so far."""
        return self._done / self._rate

    @property
    def middle_dbfs(self) -> float:
        """Level of the ten seconds around the middle, RMS over all channels."""
        return _db(self._middle.power(self._done))

    @property
    def clipped_runs(self) -> int:
        """Flat tops with corners at the extremes of the channels, over all of them."""
        return sum(top.runs for top in self._tops)

    @property
    def clipped_dbfs(self) -> float:
        """The level at which the side with most flat tops is clipped, to a tenth."""
        return round(_db(max(self._tops, key=lambda top: top.runs).height ** 2), 1) + 0.0

    @property
    def is_one_sided(self) -> bool:
        """Whether one channel is silent and another is not."""
        levels = [_db(float(energy)) for energy in self._energies]
        return max(levels) - min(levels) > ONE_SIDED_DB

    @property
    def side_under_mid_db(self) -> float:
        """Level of the difference of two channels relative to that of their sum, dB."""
        return _db(self._side_energy) - _db(self._mid_energy)

    def wall_hz(self) -> float | None:
        """See :func:`tasks.style.reference.spectrum_edge.wall_hz`."""
        return wall_hz(np.concatenate(self._levels)) if self._levels else None


def _db(power: float) -> float:
    return max(LOWEST_DBFS, 10 * math.log10(power)) if power > 0 else LOWEST_DBFS
