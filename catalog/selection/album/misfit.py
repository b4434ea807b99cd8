"""How badly two takes of an album fit, term by term, from 0 (well) to 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log2, sqrt

LOUDNESS_RANGE_LU = 6.0
"""A difference at which one song is heard as twice as far away; more is no worse."""

TONE_RANGE_DB = 6.0
SAME_SOUND = 0.98
"""The cosine of the features above which two takes may be copies of each other."""

UNKNOWN = 0.5
"""Where one of the two has no reading: neither better nor worse than others."""

FIFTHS = 6
"""The largest distance on the circle of fifths."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What is compared of a take; None where it could not be measured.

    ``tone_db`` are levels of bands from low to high, ``key`` the pitch class of the tonic (C is 0) and whether it is
    minor, ``features`` the mean pitch classes and bands of the whole take.
    """

    loudness_lufs: float | None = None
    tone_db: tuple[float, ...] | None = None
    tempo_bpm: float | None = None
    key: tuple[int, bool] | None = None
    features: tuple[float, ...] | None = None


def loudness(one: Sound, other: Sound) -> float:
    """The difference in loudness, of 6 LU."""
    if one.loudness_lufs is None or other.loudness_lufs is None:
        return UNKNOWN
    return min(1.0, abs(one.loudness_lufs - other.loudness_lufs) / LOUDNESS_RANGE_LU)


def tone(one: Sound, other: Sound) -> float:
    """The difference of the bands' levels, as the root of the mean square, of 6 dB; the loudness does not count."""
    if not one.tone_db or not other.tone_db or len(one.tone_db) != len(other.tone_db):
        return UNKNOWN
    differences = [a - b for a, b in zip(one.tone_db, other.tone_db, strict=True)]
    mean = sum(differences) / len(differences)
    return min(1.0, sqrt(sum((value - mean) ** 2 for value in differences) / len(differences)) / TONE_RANGE_DB)


def tempo(one: Sound, other: Sound) -> float:
    """The ratio of the tempos in octaves; half and double tempo are the same, half an octave is worst."""
    if not one.tempo_bpm or not other.tempo_bpm:
        return UNKNOWN
    octaves = abs(log2(one.tempo_bpm / other.tempo_bpm))
    return 2 * abs(octaves - round(octaves))


def key(one: Sound, other: Sound) -> float:
    """The distance on the circle of fifths between the keys' signatures; a change of mode is one step more."""
    if one.key is None or other.key is None:
        return UNKNOWN
    (tonic, is_minor), (other_tonic, other_is_minor) = one.key, other.key
    steps = 7 * ((tonic + 3 * is_minor) - (other_tonic + 3 * other_is_minor)) % 12
    return min(FIFTHS, min(steps, 12 - steps) + (is_minor != other_is_minor)) / FIFTHS


def alike(one: Sound, other: Sound) -> float:
    """0 where the takes do not sound alike, 1 where their features have the same proportions."""
    if not one.features or not other.features or len(one.features) != len(other.features):
        return UNKNOWN
    products = sum(a * b for a, b in zip(one.features, other.features, strict=True))
    size = sqrt(sum(a * a for a in one.features) * sum(b * b for b in other.features))
    cosine = products / size if size else 0.0
    return min(1.0, max(0.0, (cosine - SAME_SOUND) / (1 - SAME_SOUND)))


MISFITS: Mapping[str, Callable[[Sound, Sound], float]] = {
    "loudness": loudness,
    "tone": tone,
    "tempo": tempo,
    "key": key,
    "alike": alike,
}
