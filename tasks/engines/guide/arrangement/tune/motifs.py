"""The motifs of a song's sections: pace, contours, and where a tune lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tasks.engines.guide.arrangement.score import SectionKind
from tasks.engines.guide.arrangement.tune.onsets import Pace

PACES = (0.2, 0.75, 0.45, 1.0)
"""Paces among which seeds choose, from the fastest to the slowest."""

GROUNDS, CHORUS_GROUNDS = (61.0, 64.0, 62.5, 65.0), (65.5, 69.0, 67.0, 70.0)
"""Around which pitch a verse lies, and a chorus, by the seed's variant."""

STRESSED_PLACES = ((0, 4, 8, 12), (0, 6, 8, 12), (0, 4, 8, 14), (0, 4, 10, 12))
"""The sixteenths on which stressed syllables like to stand, by variant: the beats, or three of them and an
anticipation."""


@dataclass(frozen=True, slots=True)
class Motif:
    """What the lines of one kind of section have in common: pace, contours, resting pitch and width."""

    pace: Pace
    contours: tuple[tuple[float, ...], ...]
    base_pitch: float
    span: float


def invent_motifs(variant: int, rng: Generator) -> Mapping[SectionKind, Motif]:
    """A motif for each kind of section; a chorus lies higher than a verse and is declaimed at another pace."""
    verse_ground = GROUNDS[variant % len(GROUNDS)]
    order = [PACES[(variant + index) % len(PACES)] for index in range(len(PACES))]
    chorus_ground = CHORUS_GROUNDS[variant % len(CHORUS_GROUNDS)]
    return {
        "verse": _motif(order[0], verse_ground, 3.5, variant, rng),
        "pre-chorus": _motif(order[2], min(67.0, verse_ground + 2), 3.5, variant + 1, rng),
        "chorus": _motif(order[1], chorus_ground, 4.0, variant + 2, rng),
        "bridge": _motif(order[3], min(68.0, verse_ground + float(rng.integers(1, 4))), 4.5, variant + 3, rng),
    }


def _motif(share: float, base_pitch: float, span: float, shape: int, rng: Generator) -> Motif:
    likings = rng.random(16) * 1.8
    contours = tuple(tuple(float(value) for value in _contour(shape + index, rng)) for index in range(3))
    pace = Pace(share, tuple(float(value) for value in likings), STRESSED_PLACES[shape % 4])
    return Motif(pace, contours, base_pitch, span)


def _contour(shape: int, rng: Generator) -> NDArray[np.float64]:
    """Seventeen points between -1 and 1: an arch, a fall, a rise or a wave, never twice the same."""
    x = np.linspace(0, 1, 17)
    shapes = (np.sin(np.pi * x) * 2 - 1, 1 - 1.8 * x, 1.8 * x - 1, np.sin(2 * np.pi * (x + rng.random())))
    curve = shapes[shape % len(shapes)] + 0.35 * np.sin(2 * np.pi * (rng.integers(2, 5) * x + rng.random()))
    clipped_curve: NDArray[np.float64] = np.clip(curve, -1, 1)
    return clipped_curve
