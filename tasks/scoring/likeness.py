"""Which candidates sound the same: by their samples, or by fingerprints that travel with their scores.

A fingerprint holds, for each half second or longer, how strong the twelve pitch classes are and where the spectrum has
its weight, coarsely: what stays when a song is encoded, turned up, filtered a little or cut at its ends, and changes
when it is sung anew. Two candidates are near-duplicates where the pitch classes over time correlate by more than 0.95
at one offset, and the whole songs' features point the same way, by a cosine of more than 0.98. Takes of one guide song
correlate by 0.63 at most; copies that are shifted, noisy or encoded, from 0.96 on.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.signal import get_window

from catalog.digests import Json
from catalog.policy import Alike
from tasks.audio.audio import Audio
from tasks.scoring.intake import unreadable

SCHEME = 1
RATE = 22050
FRAME = 4096
HOP = 2205
"""A tenth of a second, so that every value is the sum of as many frames."""
BATCH = 128

PITCH_CLASSES = 12
CHROMA_HZ = (110.0, 2500.0)
BANDS = 8
BAND_HZ = (50.0, 10000.0)
STEPS = 15
RANGE_DB = 45.0
"""Bands are told in 16 steps of 3 dB under the strongest at that time."""

SHORTEST_HOP_S = 0.5
MAX_VALUES = 300
"""Of ten bytes each: 3 kB at most, 4 kB as text. Where a song is longer than they reach, each stands for more time."""

SAME_PITCHES = 0.95
SAME_FEATURES = 0.98
OVERLAP = 0.75
"""The share of the shorter song that must overlap at an offset for it to be looked at."""

Curves = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """``steps``: 0 to 15, shape (values, 12 pitch classes and 8 bands), one value each ``hop_s`` seconds."""

    steps: NDArray[np.uint8]
    hop_s: float

    def document(self) -> dict[str, Json]:
        """Two steps in each byte, as base64."""
        packed = (self.steps[:, 0::2] << 4) | self.steps[:, 1::2]
        return {"scheme": SCHEME, "hop_s": self.hop_s, "data": base64.b64encode(packed.tobytes()).decode()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Fingerprint | None:
        """The inverse of :meth:`document`; None for one of another scheme."""
        if document["scheme"] != SCHEME:
            return None
        packed = np.frombuffer(base64.b64decode(document["data"]), np.uint8).reshape(-1, (PITCH_CLASSES + BANDS) // 2)
        return cls(np.stack([packed >> 4, packed & 15], axis=-1).reshape(len(packed), -1), float(document["hop_s"]))


def fingerprint(audio: Audio) -> Fingerprint | None:
    """The fingerprint of a song; None where there is nothing to hear for a second."""
    if unreadable(audio) or audio.duration_s < 1:
        return None
    hop_s = SHORTEST_HOP_S
    while audio.duration_s > MAX_VALUES * hop_s:
        hop_s *= 2
    mono = soxr.resample(audio.samples.mean(axis=0), audio.rate, RATE, quality="QQ")
    powers = _powers(np.pad(mono, FRAME // 2))
    frames = np.arange(len(powers)) * HOP
    starts = np.searchsorted(frames, np.arange(max(1, int(audio.duration_s / hop_s))) * hop_s * RATE)
    summed = np.add.reduceat(powers, starts, axis=0)
    return Fingerprint(np.concatenate([_pitch_steps(summed), _band_steps(summed)], axis=1), hop_s)


def likeness(one: Fingerprint, other: Fingerprint) -> tuple[float, float]:
    """Correlation of the pitch classes over time at the best offset, and cosine of the whole songs' features."""
    if one.hop_s != other.hop_s:
        return 0.0, 0.0
    return _at_best_offset(one.steps[:, :PITCH_CLASSES], other.steps[:, :PITCH_CLASSES]), _cosine(
        _features(one.steps), _features(other.steps)
    )


def alike(samples: Mapping[str, str | None], prints: Mapping[str, Fingerprint | None]) -> list[Alike]:
    """The groups among candidates, by id: those of equal ``samples`` (digests), then those of like fingerprints.

    A group is one chain: each member is like another of it. Groups of one kind share no member.
    """
    same = [(a, b) for a, b in combinations(sorted(samples), 2) if samples[a] is not None and samples[a] == samples[b]]
    identical = _chains(same)
    groups = [Alike(frozenset(group), "identical samples") for group in identical]
    twins = {member for group in identical for member in sorted(group)[1:]}
    heard = [(id_, found) for id_, found in sorted(prints.items()) if found is not None and id_ not in twins]
    near = [(a, b) for (a, one), (b, other) in combinations(heard, 2) if _is_near(likeness(one, other))]
    return groups + [
        Alike(frozenset(group), "the same notes and sound, if not the same samples") for group in _chains(near)
    ]


def _is_near(figures: tuple[float, float]) -> bool:
    return figures[0] > SAME_PITCHES and figures[1] > SAME_FEATURES


def _chains(pairs: Sequence[tuple[str, str]]) -> list[set[str]]:
    """The connected parts of a graph."""
    parts: list[set[str]] = []
    for pair in pairs:
        touched = [part for part in parts if part & set(pair)]
        parts = [part for part in parts if part not in touched] + [set(pair).union(*touched)]
    return parts


def _powers(mono: NDArray[np.float32]) -> Curves:
    """Power of each frame in the twelve pitch classes and the bands, shape (frames, 20)."""
    window = get_window("hann", FRAME).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(mono, FRAME)[::HOP]
    into = _shares()
    found = np.empty((len(frames), into.shape[1]))
    for start in range(0, len(frames), BATCH):
        spectra = rfft(frames[start : start + BATCH] * window)
        found[start : start + BATCH] = (np.square(spectra.real) + np.square(spectra.imag)) @ into
    return found


def _shares() -> NDArray[np.float32]:
    """Which bins of a spectrum go into which pitch class and band, shape (bins, 20)."""
    hz = np.arange(FRAME // 2 + 1) * RATE / FRAME
    shares = np.zeros((len(hz), PITCH_CLASSES + BANDS), np.float32)
    sung = np.flatnonzero((hz >= CHROMA_HZ[0]) & (hz <= CHROMA_HZ[1]))
    pitches = np.round(69 + 12 * np.log2(hz[sung] / 440)).astype(np.int64)
    shares[sung, pitches % 12] = 1.0
    edges = np.geomspace(*BAND_HZ, BANDS + 1)
    for band in range(BANDS):
        shares[(hz >= edges[band]) & (hz < edges[band + 1]), PITCH_CLASSES + band] = 1.0
    return shares


def _pitch_steps(powers: Curves) -> NDArray[np.uint8]:
    """Magnitudes of the pitch classes against the strongest at that time."""
    sizes = np.sqrt(powers[:, :PITCH_CLASSES])
    strongest = sizes.max(axis=1, keepdims=True)
    steps: NDArray[np.float64] = np.round(STEPS * sizes / np.where(strongest > 0, strongest, 1.0))
    return steps.astype(np.uint8)


def _band_steps(powers: Curves) -> NDArray[np.uint8]:
    """Levels of the bands against the strongest at that time; all 0 where it is silent."""
    bands = powers[:, PITCH_CLASSES:]
    strongest = np.maximum(bands.max(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    under_db = -10 * np.log10(np.maximum(bands / strongest, 10 ** (-RANGE_DB / 10)))
    steps: NDArray[np.float64] = np.round(STEPS * (1 - under_db / RANGE_DB))
    return steps.astype(np.uint8)


def _at_best_offset(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """The highest correlation of two courses of pitch classes over the offsets, in halves of a value, that leave
    enough in common. Both are smoothed over three values, so that a part of one is no great matter."""
    smooth, theirs = _smoothed(one), _smoothed(other)
    between = (theirs[1:] + theirs[:-1]) / 2
    return max(_best(smooth, theirs), _best(smooth, between))


def _smoothed(steps: NDArray[np.uint8]) -> Curves:
    padded = np.pad(steps.astype(np.float64), ((1, 1), (0, 0)), mode="edge")
    return (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4


def _best(one: Curves, other: Curves) -> float:
    least = max(2, int(OVERLAP * min(len(one), len(other))))
    best = 0.0
    for offset in range(least - len(other), len(one) - least + 1):
        a, b = one[max(0, offset) :], other[max(0, -offset) :]
        common = min(len(a), len(b))
        if common >= least:
            best = max(best, _correlation(a[:common], b[:common]))
    return best


def _correlation(one: Curves, other: Curves) -> float:
    return _cosine((one - one.mean(axis=0)).ravel(), (other - other.mean(axis=0)).ravel())


def _features(steps: NDArray[np.uint8]) -> Curves:
    """A whole song: mean of each pitch class and band about their own mean, and how much each varies."""
    values = steps.astype(np.float64)
    means, spreads = values.mean(axis=0), values.std(axis=0)
    pitches, bands = means[:PITCH_CLASSES], means[PITCH_CLASSES:]
    return np.concatenate([pitches - pitches.mean(), bands - bands.mean(), spreads - spreads.mean()])


def _cosine(one: Curves, other: Curves) -> float:
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / size if size > 0 else 0.0
