"""Near-duplicates among candidates: by equal samples, or by fingerprints stored with their scores.

A fingerprint holds, for each half second or longer, the strength of the twelve pitch classes and the coarse
distribution of the spectrum: properties that stay when a song is encoded, turned up, filtered a little or cut at its
ends, and change when it is rendered with another seed. Two candidates are near-duplicates where the whole songs'
features have a cosine of more than 0.98, and the pitch classes over time correlate at one offset, on the whole and in
every ten seconds: by more than 0.982 where the offset is a whole number of values (copies reach 0.984 to 1 in their
worst, takes over the same chords with other melodies 0.98), by more than 0.92 where it lies between, which blurs them
(0.923 to 0.98), by more than 0.88 where only one is stored in longer values, being a little longer than 150 s (0.91 to
0.95). Takes of one guide song correlate by 0.63 at most.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.signal import get_window

from catalog.common.digests import Json
from catalog.selection.decide import Alike
from tasks.audio.audio import Audio
from tasks.audio.validity import unreadable
from tasks.scoring.duplicates.chroma_correlation import MATCH_THRESHOLD, ChromaSequence

SCHEME = 1
RATE = 22050
FRAME = 4096
HOP = 2205
"""A tenth of a second, so that every value is the sum of the same number of frames."""
BATCH = 128

PITCH_CLASSES = 12
CHROMA_HZ = (110.0, 2500.0)
BANDS = 8
BAND_HZ = (50.0, 10000.0)
STEPS = 15
RANGE_DB = 45.0
"""Bands are stored in 16 steps of 3 dB under the strongest at that time."""

SHORTEST_HOP_S = 0.5
MAX_VALUES = 300
"""Values of ten bytes each: 3 kB at most, 4 kB as text. In a longer song each value covers more time."""

SAME_PITCHES = 0.982
BLURRED_PITCHES = 0.92
COARSER_PITCHES = 0.88
SAME_FEATURES = 0.98

Curves = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class AudioFingerprint:
    """``steps``: 0 to 15, shape (values, 12 pitch classes and 8 bands), one value every ``hop_s`` seconds."""

    steps: NDArray[np.uint8]
    hop_s: float

    def document(self) -> dict[str, Json]:
        """The fingerprint as JSON: two steps in each byte, as base64."""
        packed_steps = (self.steps[:, 0::2] << 4) | self.steps[:, 1::2]
        return {"scheme": SCHEME, "hop_s": self.hop_s, "data": base64.b64encode(packed_steps.tobytes()).decode()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> AudioFingerprint | None:
        """The inverse of :meth:`document`; None for another scheme."""
        if document["scheme"] != SCHEME:
            return None
        packed_steps = np.frombuffer(base64.b64decode(document["data"]), np.uint8).reshape(
            -1, (PITCH_CLASSES + BANDS) // 2
        )
        return cls(
            np.stack([packed_steps >> 4, packed_steps & 15], axis=-1).reshape(len(packed_steps), -1),
            float(document["hop_s"]),
        )


def fingerprint(audio: Audio) -> AudioFingerprint | None:
    """The fingerprint of a song (channels, frames); None where it cannot be measured or is shorter than a second."""
    if unreadable(audio) or audio.duration_s < 1:
        return None
    hop_s = SHORTEST_HOP_S
    while audio.duration_s > MAX_VALUES * hop_s:
        hop_s *= 2
    mono = soxr.resample(audio.samples.mean(axis=0), audio.rate, RATE, quality="QQ")
    powers = _powers(np.pad(mono, FRAME // 2))
    frames = np.arange(len(powers)) * HOP
    starts = np.searchsorted(frames, np.arange(max(1, int(audio.duration_s / hop_s))) * hop_s * RATE)
    summed_powers = np.add.reduceat(powers, starts, axis=0)
    return AudioFingerprint(np.concatenate([_pitch_steps(summed_powers), _band_steps(summed_powers)], axis=1), hop_s)


class Likeness(NamedTuple):
    """The similarity of two songs.

    Correlation of the pitch classes over time at the best offset, cosine of the whole songs' features, correlation of
    the worst ten seconds, and the threshold from which that one means a copy.
    """

    pitches: float
    features: float
    worst: float
    threshold: float

    @property
    def is_near(self) -> bool:
        """Whether they are near-duplicates."""
        return self.features > SAME_FEATURES and self.worst > self.threshold


def likeness(first: AudioFingerprint, second: AudioFingerprint) -> Likeness:
    """The similarity of two songs of any lengths."""
    return _Prints.of([first, second]).likeness(0, 1)


def alike(
    samples: Mapping[str, str | None],
    fingerprints: Mapping[str, AudioFingerprint | None],
    parents: Mapping[str, str] | None = None,
) -> list[Alike]:
    """The groups among candidates, by id: those of equal ``samples`` (digests), then those of similar fingerprints.

    A group is one chain: each member is similar to another of it. Groups of one kind share no member. A retake and its
    parent in ``parents`` are similar on purpose, and count only where the samples are equal.
    """
    same_pairs = [
        (first_id, second_id)
        for first_id, second_id in combinations(sorted(samples), 2)
        if samples[first_id] is not None and samples[first_id] == samples[second_id]
    ]
    identical_groups = _chains(same_pairs)
    groups = [Alike(frozenset(group), "identical samples") for group in identical_groups]
    twins = {member for group in identical_groups for member in sorted(group)[1:]}
    prints_by_id = {
        id_: song_print
        for id_, song_print in sorted(fingerprints.items())
        if song_print is not None and id_ not in twins
    }
    near_pairs = _near(prints_by_id, parents or {})
    return groups + [
        Alike(frozenset(group), "the same notes and sound, if not the same samples") for group in _chains(near_pairs)
    ]


def _near(fingerprints: Mapping[str, AudioFingerprint], parents: Mapping[str, str]) -> list[tuple[str, str]]:
    """Pairs of near-duplicates, enough to chain them: members of one chain are not compared again."""
    ids = list(fingerprints)
    if len(ids) < 2:
        return []
    prints = _Prints.of(list(fingerprints.values()))
    chain = list(range(len(ids)))
    pairs = []
    for first_index, id_ in enumerate(ids):
        for second_index, offset in prints.close(first_index):
            is_retake = parents.get(id_) == ids[second_index] or parents.get(ids[second_index]) == id_
            if (
                is_retake
                or chain[first_index] == chain[second_index]
                or not prints.likeness(first_index, second_index, near_offset=offset).is_near
            ):
                continue
            pairs.append((id_, ids[second_index]))
            joined_chain = chain[second_index]
            chain = [chain[first_index] if chain_number == joined_chain else chain_number for chain_number in chain]
    return pairs


@dataclass(frozen=True, slots=True, eq=False)
class _Prints:
    """Fingerprints prepared for comparison: all of one hop, their features of length 1."""

    chroma: ChromaSequence
    features: Curves
    hop_s: float
    stored_hops_s: Sequence[float]

    @classmethod
    def of(cls, fingerprints: Sequence[AudioFingerprint]) -> _Prints:
        hop_s = max(item.hop_s for item in fingerprints)
        steps = [_coarser(item.steps, round(hop_s / item.hop_s)) for item in fingerprints]
        chroma = ChromaSequence.of([_smoothed(item[:, :PITCH_CLASSES]) for item in steps])
        features = np.stack([_features(item) for item in steps])
        sizes = np.linalg.norm(features, axis=1, keepdims=True)
        return cls(chroma, features / np.where(sizes > 0, sizes, 1.0), hop_s, [item.hop_s for item in fingerprints])

    def close(self, index: int) -> list[tuple[int, int]]:
        """The candidates after ``index`` that may be near-duplicates of it, with the offset to examine."""
        other_indices = index + 1 + np.flatnonzero(self.features[index + 1 :] @ self.features[index] > SAME_FEATURES)
        if len(other_indices) == 0:
            return []
        offsets, correlations = self.chroma.places(index, other_indices)
        is_kept = correlations > MATCH_THRESHOLD
        return list(zip(other_indices[is_kept].tolist(), offsets[is_kept].tolist(), strict=True))

    def likeness(self, index: int, other_index: int, *, near_offset: int | None = None) -> Likeness:
        """The similarity of two songs; ``near_offset`` is the offset to examine, where it is known."""
        offset = int(self.chroma.places(index, np.array([other_index]))[0][0]) if near_offset is None else near_offset
        pitches, worst_part, is_whole = self.chroma.agreement(
            index, other_index, near_offset=offset, value_s=self.hop_s
        )
        same_from = SAME_PITCHES if is_whole else BLURRED_PITCHES
        if self.stored_hops_s[index] != self.stored_hops_s[other_index]:
            same_from = COARSER_PITCHES
        return Likeness(pitches, float(self.features[index] @ self.features[other_index]), worst_part, same_from)


def _coarser(steps: NDArray[np.uint8], times: int) -> Curves:
    """The steps that a fingerprint of a longer hop would hold: mean power of the pitch classes and of the bands."""
    if times == 1:
        return steps.astype(np.float64)
    grouped_steps = np.pad(steps, ((0, -len(steps) % times), (0, 0)), mode="edge").reshape(-1, times, steps.shape[1])
    values = grouped_steps.astype(np.float64)
    pitches = np.sqrt(np.square(values[..., :PITCH_CLASSES]).mean(axis=1))
    strongest_pitch = pitches.max(axis=1, keepdims=True)
    step_db = RANGE_DB / STEPS
    bands = 10 * np.log10(np.mean(10 ** (values[..., PITCH_CLASSES:] * step_db / 10), axis=1)) / step_db
    return np.concatenate([STEPS * pitches / np.where(strongest_pitch > 0, strongest_pitch, 1.0), bands], axis=1)


def _chains(pairs: Sequence[tuple[str, str]]) -> list[set[str]]:
    """The connected components of a graph."""
    parts: list[set[str]] = []
    for pair in pairs:
        touched_parts = [part for part in parts if part & set(pair)]
        parts = [part for part in parts if part not in touched_parts] + [set(pair).union(*touched_parts)]
    return parts


def _powers(mono: NDArray[np.float32]) -> Curves:
    """Power of each frame in the twelve pitch classes and the bands, shape (frames, 20)."""
    window = get_window("hann", FRAME).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(mono, FRAME)[::HOP]
    shares = _shares()
    powers = np.empty((len(frames), shares.shape[1]))
    for start in range(0, len(frames), BATCH):
        spectra = rfft(frames[start : start + BATCH] * window)
        powers[start : start + BATCH] = (np.square(spectra.real) + np.square(spectra.imag)) @ shares
    return powers


def _shares() -> NDArray[np.float32]:
    """The share of each bin of a spectrum in each pitch class and band, shape (bins, 20)."""
    hz = np.arange(FRAME // 2 + 1) * RATE / FRAME
    shares = np.zeros((len(hz), PITCH_CLASSES + BANDS), np.float32)
    chroma_bins = np.flatnonzero((hz >= CHROMA_HZ[0]) & (hz <= CHROMA_HZ[1]))
    pitches = np.round(69 + 12 * np.log2(hz[chroma_bins] / 440)).astype(np.int64)
    shares[chroma_bins, pitches % 12] = 1.0
    edges = np.geomspace(*BAND_HZ, BANDS + 1)
    for band in range(BANDS):
        shares[(hz >= edges[band]) & (hz < edges[band + 1]), PITCH_CLASSES + band] = 1.0
    return shares


def _pitch_steps(powers: Curves) -> NDArray[np.uint8]:
    """Magnitudes of the pitch classes relative to the strongest at that time, shape (values, 12)."""
    sizes = np.sqrt(powers[:, :PITCH_CLASSES])
    strongest_size = sizes.max(axis=1, keepdims=True)
    steps: NDArray[np.float64] = np.round(STEPS * sizes / np.where(strongest_size > 0, strongest_size, 1.0))
    return steps.astype(np.uint8)


def _band_steps(powers: Curves) -> NDArray[np.uint8]:
    """Levels of the bands relative to the strongest at that time, shape (values, 8); all 0 in silence."""
    bands = powers[:, PITCH_CLASSES:]
    strongest_band = np.maximum(bands.max(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    under_db = -10 * np.log10(np.maximum(bands / strongest_band, 10 ** (-RANGE_DB / 10)))
    steps: NDArray[np.float64] = np.round(STEPS * (1 - under_db / RANGE_DB))
    return steps.astype(np.uint8)


def _smoothed(steps: Curves) -> Curves:
    """A sequence smoothed over three values, so that an offset of a part of a value matters little."""
    padded_steps = np.pad(steps, ((1, 1), (0, 0)), mode="edge")
    smoothed_steps: Curves = (padded_steps[:-2] + 2 * padded_steps[1:-1] + padded_steps[2:]) / 4
    return smoothed_steps


def _features(values: Curves) -> Curves:
    """The features of a whole song: means of pitch classes and bands around their own mean, and deviations."""
    means, spreads = values.mean(axis=0), values.std(axis=0)
    pitches, bands = means[:PITCH_CLASSES], means[PITCH_CLASSES:]
    return np.concatenate([pitches - pitches.mean(), bands - bands.mean(), spreads - spreads.mean()])
