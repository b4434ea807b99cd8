"""Brings a mix to a usual width, whoever sings: the sides of its instruments louder or softer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft, rfftfreq

from tasks.engines.guide.arrangement.score import Stem
from tasks.engines.guide.sound.mix import widened
from tasks.engines.guide.sound.source import RATE, Sound
from tasks.engines.guide.sound.tone import WINDOW, excerpts

SIDE_AGAINST_MID_DB = -6.0
BAND_HZ = (200.0, 3000.0)
MOST_DB = 3.0

Spectrum = NDArray[np.complex64]


def widen(stems: Mapping[Stem, Sound]) -> None:
    """Make the sides of the stem ``other`` louder or softer, in place, by up to ``MOST_DB``, so that the sum of the
    stems has :data:`SIDE_AGAINST_MID_DB` between 200 Hz and 3 kHz."""
    change_db = side_change_db(stems)
    if abs(change_db) > 0.1 and len(stems["other"]) == 2:
        widened(stems["other"], change_db)


def side_change_db(stems: Mapping[Stem, Sound]) -> float:
    """The change of the sides of ``other`` in dB; 0 where it has none, or where nothing sounds."""
    mid, side = _mid_and_side(excerpts(stems.values()))
    _, own = _mid_and_side(excerpts([stems["other"]]))
    rest = side - own
    wanted = 10 ** (SIDE_AGAINST_MID_DB / 10) * float(np.vdot(mid, mid).real)
    # |rest + gain * own|^2 = wanted, solved for the gain.
    square, linear = float(np.vdot(own, own).real), float(np.vdot(own, rest).real)
    if square <= 1e-6 * wanted or wanted == 0.0:
        return 0.0
    under_root = linear**2 - square * (float(np.vdot(rest, rest).real) - wanted)
    gain = (np.sqrt(max(0.0, under_root)) - linear) / square
    return float(np.clip(20 * np.log10(max(gain, 1e-3)), -MOST_DB, MOST_DB))


def _mid_and_side(sound: Sound) -> tuple[Spectrum, Spectrum]:
    """The spectra of sum and difference within the band, of all windows: each (windows, bins)."""
    left, right = rfft(sound.reshape(2, -1, WINDOW), axis=2)
    hertz = rfftfreq(WINDOW, 1 / RATE)
    band = (hertz >= BAND_HZ[0]) & (hertz < BAND_HZ[1])
    left, right = left[:, band], right[:, band]
    return left + right, left - right
