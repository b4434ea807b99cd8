"""Target curves: the energy of finished recordings over frequency, as third-octave levels.

The figures are this project's own, drawn from what is published of large collections: Pestana, Ma, Reiss, Barbosa and
Black, "Spectral Characteristics of Popular Commercial Recordings 1950-2010" (AES 135, 2013), a density that falls by
about 5 dB per octave from 100 Hz to 4 kHz, which is 2 dB per octave in third-octave bands, and faster above; Elowsson
and Friberg, "Long-term average spectrum in popular music and its relation to the level of the percussion" (AES 142,
2017), more low end and more treble the more percussion there is. Only the shape counts: a song and a curve are compared
after both are brought to one mean level.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.album.mastering import Tone
from tasks.mastering.analysis.spectrum import CENTRES_HZ, Spectrum

OCTAVES_HZ = (31.5, 63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0)


@dataclass(frozen=True, slots=True)
class Curve:
    """A target shape, shape (bands,); a band within ``tolerance_db`` of it is not changed."""

    levels_db: NDArray[np.float64]
    tolerance_db: float


USUAL_SPREAD_DB = 4.0
"""The spread of recordings around their mean by Pestana et al.: within it nothing needs correction."""

GENRE_TOLERANCE_DB = 1.0

OCTAVE_LEVELS_DB: Mapping[Tone, tuple[float, ...]] = {
    "balanced": (-4, 0, 0, -3, -5, -7, -9.5, -13, -18, -27),
    "pop": (-4, 0, -1, -4, -6, -7.5, -9.5, -12, -16, -24),
    "rock": (-9, -1, 0, -2, -4, -5.5, -7, -10.5, -17, -27),
    "metal": (-9, -1, 0, -3, -6, -6, -6.5, -9, -15, -25),
    "electronic": (1, 3, 0, -5, -8, -9.5, -11, -13, -16.5, -24),
    "hip-hop": (2, 3, 0, -5, -8, -9.5, -11.5, -14, -18, -26),
    "acoustic": (-16, -6, 0, -1, -3.5, -7, -10.5, -15, -20.5, -29),
    "jazz": (-10, -3, 0, -2, -4.5, -8, -12, -16.5, -22, -31),
    "classical": (-16, -7, -1, 0, -1.5, -5, -10.5, -17.5, -26, -38),
    "orchestral": (-9, -3, 0, 0, -2.5, -6, -10.5, -16.5, -24.5, -36),
}
"""Third-octave level at each octave of :data:`OCTAVES_HZ`, dB relative to the strongest region."""


def named_curve(name: Tone) -> Curve:
    """A genre profile, interpolated linearly between its octaves on a logarithmic frequency scale."""
    levels = np.interp(np.log2(CENTRES_HZ), np.log2(OCTAVES_HZ), OCTAVE_LEVELS_DB[name])
    return Curve(levels, USUAL_SPREAD_DB if name == "balanced" else GENRE_TOLERANCE_DB)


def curve_of(reference: Spectrum) -> Curve:
    """The shape of a reference track, without tolerance: to be matched as closely as the limits allow."""
    return Curve(reference.levels_db, 0.0)
