"""Cross-correlation of chroma sequences (pitch classes over time): the best offset, and the correlation there.

For one sequence against many the best offset is found through the Fourier transform, which takes a tenth of a
millisecond each; close matches are then compared at offsets of a quarter of a value and in segments of ten seconds. A
copy agrees in all of them. Takes over the same chords, or that share most of their length, agree on the whole (by up to
0.99) but not in each segment: they fall to 0.89 to 0.98 in their worst.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

Chroma = NDArray[np.float64]

OVERLAP = 0.75
"""The share of the shorter sequence that must overlap at an offset for it to count."""

MATCH_THRESHOLD = 0.85
"""The correlation at a whole offset from which a closer comparison is worth it; between two values it falls to 0.9."""

QUARTERS = (0.0, 0.25, 0.5, 0.75)
STRETCH_S = 10.0
FEWEST_VALUES = 4
FAINT = 0.01
"""A segment in which neither sequence varies, relative to its variation on the whole, is not compared."""


class Agreement(NamedTuple):
    """Correlation of two sequences at the best offset, of their worst segment there; whether the offset is whole."""

    overall: float
    worst: float
    whole: bool


@dataclass(frozen=True, slots=True, eq=False)
class ChromaSequence:
    """Many chroma sequences, each centred on its own mean and prepared for comparison.

    ``spectra`` and ``energies`` (cumulative) have equal lengths for all. ``values`` are of shape (values, pitch
    classes).
    """

    values: Sequence[Chroma]
    lengths: NDArray[np.int64]
    spectra: NDArray[np.complex64]
    energies: NDArray[np.float64]

    @classmethod
    def of(cls, chroma: Sequence[Chroma]) -> ChromaSequence:
        """Prepare one or more sequences, each of shape (values, pitch classes)."""
        centred_chroma = [sequence - sequence.mean(axis=0) for sequence in chroma]
        most_values = max(len(sequence) for sequence in centred_chroma)
        padded_chroma = np.stack(
            [np.pad(sequence, ((0, most_values - len(sequence)), (0, 0))) for sequence in centred_chroma]
        )
        spectra = rfft(padded_chroma.astype(np.float32), next_fast_len(2 * most_values, real=True), axis=1)
        energies = np.pad(np.cumsum(np.square(padded_chroma).sum(axis=2), axis=1), ((0, 0), (1, 0)))
        return cls(centred_chroma, np.array([len(sequence) for sequence in centred_chroma]), spectra, energies)

    def places(self, index: int, other_indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The best whole offset of each other sequence into ``index``, and the correlation there; shapes (others,)."""
        size = next_fast_len(2 * (self.energies.shape[1] - 1), real=True)
        cross_spectra = np.einsum("fp,nfp->nf", self.spectra[index], self.spectra[other_indices].conj(), optimize=True)
        products = irfft(cross_spectra, size, axis=1)
        own_length, other_lengths = int(self.lengths[index]), self.lengths[other_indices][:, None]
        offsets = np.arange(-int(other_lengths.max()) + 1, own_length)[None, :]
        starts, ends = np.maximum(offsets, 0), np.minimum(own_length, other_lengths + offsets)
        has_overlap = ends - starts >= np.maximum(2, (OVERLAP * np.minimum(own_length, other_lengths)).astype(np.int64))
        is_kept = has_overlap.any(axis=0)
        offsets, starts, ends, has_overlap = (
            offsets[:, is_kept],
            starts[:, is_kept],
            ends[:, is_kept],
            has_overlap[:, is_kept],
        )
        first_indices, last_indices = (
            np.clip(indices, 0, self.energies.shape[1] - 1) for indices in (starts - offsets, ends - offsets)
        )
        energy = self.energies[index][np.maximum(ends, 0)] - self.energies[index][starts]
        energy = energy * (self._summed(other_indices, last_indices) - self._summed(other_indices, first_indices))
        correlations = np.where(
            has_overlap & (energy > 0), products[:, offsets[0] % size] / np.sqrt(np.maximum(energy, 1e-12)), 0
        )
        best_offsets = correlations.argmax(axis=1)
        return offsets[0][best_offsets], correlations[np.arange(len(other_indices)), best_offsets]

    def _summed(self, others: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.float64]:
        sums: NDArray[np.float64] = np.take_along_axis(
            self.energies[others], np.broadcast_to(at, (len(others), at.shape[1])), axis=1
        )
        return sums

    def agreement(self, index: int, other_index: int, *, near_offset: int, value_s: float) -> Agreement:
        """The agreement of two sequences at the best offset near ``near_offset``, in steps of a quarter of a value."""
        length = max(FEWEST_VALUES, round(STRETCH_S / value_s))
        overlaps = [
            (quarter, *_overlapping(self.values[index], _moved(self.values[other_index], quarter), offset))
            for offset in (near_offset - 1, near_offset, near_offset + 1)
            for quarter in QUARTERS
        ]
        correlations = [
            _cosine(first_part, second_part) if len(first_part) > 1 else 0.0 for _, first_part, second_part in overlaps
        ]
        best_index = int(np.argmax(correlations))
        quarter, own_chroma, other_chroma = overlaps[best_index]
        return Agreement(correlations[best_index], _worst(own_chroma, other_chroma, length), quarter == 0.0)


def _moved(sequence: Chroma, quarter: float) -> Chroma:
    return sequence if quarter == 0 else (1 - quarter) * sequence[:-1] + quarter * sequence[1:]


def _overlapping(first: Chroma, second: Chroma, offset: int) -> tuple[Chroma, Chroma]:
    first_part, second_part = first[max(0, offset) :], second[max(0, -offset) :]
    common_length = min(len(first_part), len(second_part))
    first_part, second_part = first_part[:common_length], second_part[:common_length]
    return (
        (first_part - first_part.mean(axis=0), second_part - second_part.mean(axis=0))
        if common_length
        else (first_part, second_part)
    )


def _worst(first: Chroma, second: Chroma, length: int) -> float:
    """The lowest correlation in segments of ``length`` values; a shorter remainder is added to the last."""
    least_energy = FAINT * (np.square(first).mean() + np.square(second).mean())
    edges = [*range(0, max(1, len(first) - length + 1), length), len(first)]
    edges = [*edges[:-2], edges[-1]] if len(edges) > 2 and edges[-1] - edges[-2] < length else edges
    parts = [(first[start:end], second[start:end]) for start, end in pairwise(edges)]
    return min(
        (
            _cosine(first_part, second_part)
            for first_part, second_part in parts
            if np.square(first_part).mean() + np.square(second_part).mean() > least_energy
        ),
        default=0.0,
    )


def _cosine(first: Chroma, second: Chroma) -> float:
    size = float(np.sqrt(np.vdot(first, first) * np.vdot(second, second)))
    return float(np.vdot(first, second)) / size if size > 0 else 0.0
