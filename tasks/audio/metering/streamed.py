"""Loudness, peaks and faults of a recording read in blocks, with the same results as for loaded audio."""

from __future__ import annotations

import numpy as np
from scipy.signal import sosfilt

from catalog.selection.metrics import NotMeasurable
from tasks.audio.audio import Samples
from tasks.audio.metering.loudness import LOWEST_HZ, MOMENTARY_MS, UNIT_MS, WEIGHTS, Powers, k_weighting


class StreamedPowers:
    """Takes blocks of shape (channels, frames) and gives the powers of whole units of 20 ms, as ``unit_powers`` does.

    It also counts ``frames`` and the samples that are ``not_finite``, and keeps the largest finite ``peak``.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self.rate, self.channels = rate, channels
        self.frames = self.not_finite = 0
        self.peak = 0.0
        self._measures = rate >= LOWEST_HZ and channels in WEIGHTS
        self._filter = k_weighting(rate) if self._measures else np.zeros((2, 6))
        self._states = np.zeros((channels, 2, 2))
        self._rest: Powers = np.zeros((channels, 0))
        self._units = 0
        self._powers: list[Powers] = []

    def take(self, block: Samples) -> None:
        """Add the next block, shape (channels, frames)."""
        self.frames += block.shape[1]
        is_finite = np.isfinite(block)
        self.not_finite += block.size - int(np.count_nonzero(is_finite))
        self.peak = max(self.peak, float(np.abs(block, where=is_finite, out=np.zeros_like(block)).max(initial=0.0)))
        if self._measures and not self.not_finite:
            self._filter_block(block)

    def _filter_block(self, block: Samples) -> None:
        filtered_block = np.empty(block.shape)
        for channel_index, channel in enumerate(block):
            filtered_block[channel_index], self._states[channel_index] = sosfilt(
                self._filter, channel.astype(np.float64), zi=self._states[channel_index]
            )
        np.square(filtered_block, out=filtered_block)
        self._rest = np.concatenate([self._rest, filtered_block], axis=1)
        count = self._rest.shape[1] * 1000 // (self.rate * UNIT_MS) + 2
        edges = ((self._units + np.arange(count + 1)) * self.rate * UNIT_MS + 500) // 1000
        edges -= edges[0]
        edges = edges[edges <= self._rest.shape[1]]
        if len(edges) < 2:
            return
        energies = np.zeros(len(edges) - 1)
        for weight, channel in zip(WEIGHTS[self.channels], self._rest, strict=True):
            if weight:
                energies += weight * np.add.reduceat(channel[: edges[-1]], edges[:-1])
        self._powers.append(energies / np.diff(edges))
        self._units += len(edges) - 1
        self._rest = self._rest[:, edges[-1] :].copy()

    def powers(self) -> Powers:
        """The powers of all whole units so far, shape (units,)."""
        return np.concatenate(self._powers) if self._powers else np.zeros(0)

    def unmeasurable(self) -> NotMeasurable | None:
        """Why no loudness can be measured; None where it can.

        The reasons are those of :func:`tasks.audio.metering.loudness.unmeasurable` for loaded audio.
        """
        if self.rate < LOWEST_HZ:
            return NotMeasurable(
                f"a rate of {self.rate} Hz is under {LOWEST_HZ // 1000} kHz, too low for the loudness filter"
            )
        if self.channels not in WEIGHTS:
            return NotMeasurable(f"{self.channels} channels have no defined loudness weights")
        if self.frames * 1000 < self.rate * MOMENTARY_MS:
            return NotMeasurable(f"{self.frames / self.rate:.3f} s is less than one block of 400 ms")
        return NotMeasurable(f"{self.not_finite} samples are not finite numbers") if self.not_finite else None
