"""The meter's K-weighted energies of a sound, fine enough for reuse: by the limiter's model and for other ends."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import UNIT_MS, Powers, unit_edges, weighted_energies
from tasks.mastering.processors.limiter import CONTROL

FORGOTTEN_S = 0.5
"""After this long the K filter's state has decayed below the last digit: its slowest part decays by 1/e in 8 ms."""


@dataclass(frozen=True, slots=True)
class MeteredAudio:
    """K-weighted energies between ``edges`` (frames): all borders of the meter's units and of the limiter's blocks."""

    rate: int
    edges: NDArray[np.int64]
    energies: Powers

    @property
    def unit_powers(self) -> Powers:
        """The powers that :func:`tasks.audio.metering.loudness.unit_powers` gives for the audio, shape (units,)."""
        units = unit_edges(int(self.edges[-1]), self.rate, UNIT_MS)
        return self._between(np.searchsorted(self.edges, units)) / np.diff(units)

    @property
    def control_energies(self) -> Powers:
        """The energies of the limiter's control blocks, shape (blocks,)."""
        return self._between(np.append(np.flatnonzero(self.edges[:-1] % CONTROL == 0), len(self.edges) - 1))

    def with_other_ends(self, audio: Audio, *, fade_in: int, fade_out: int) -> MeteredAudio:
        """The measurement of ``audio``, which is this sound with its end cut off and faded over the given frames.

        Only the parts that differ are measured again, with a run-in that lets the filter's initial state decay.
        """
        edges, settling_frames = _edges(audio), math.ceil(FORGOTTEN_S * audio.rate)
        stop = int(np.searchsorted(edges, audio.frames - max(fade_out, CONTROL), "right")) - 1  # the same up to there
        first_edge = int(np.searchsorted(edges, fade_in + settling_frames)) if fade_in else 0
        if first_edge >= stop:
            return measure_audio(audio)
        energies = np.empty(len(edges) - 1)
        energies[first_edge:stop] = self.energies[first_edge:stop]
        if first_edge:
            energies[:first_edge] = weighted_energies(audio, edges[: first_edge + 1])
        start = max(0, int(edges[stop]) - settling_frames)
        outer_audio = Audio(audio.samples[:, start:], audio.rate)
        energies[stop:] = weighted_energies(outer_audio, np.append(0, edges[stop:] - start))[1:]
        return MeteredAudio(audio.rate, edges, energies)

    def _between(self, places: NDArray[np.int64]) -> Powers:
        """Sums of the energies between neighbouring places."""
        if len(places) < 2:
            return np.zeros(0)
        return np.asarray(np.add.reduceat(self.energies[: places[-1]], places[:-1]))


def measure_audio(audio: Audio) -> MeteredAudio:
    """Measure a whole sound of shape (channels, frames)."""
    edges = _edges(audio)
    return MeteredAudio(audio.rate, edges, weighted_energies(audio, edges))


def control_edges(frames: int) -> NDArray[np.int64]:
    """Borders of the limiter's control blocks in frames, shape (blocks + 1,); the last block may be short."""
    return np.append(np.arange(0, frames, CONTROL, dtype=np.int64), frames)


def _edges(audio: Audio) -> NDArray[np.int64]:
    blocks, units = control_edges(audio.frames), unit_edges(audio.frames, audio.rate, UNIT_MS)
    inner_units = units[(units % CONTROL != 0) & (units != audio.frames)]
    return np.insert(blocks, np.searchsorted(blocks, inner_units), inner_units)
