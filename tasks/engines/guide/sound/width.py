"""Brings a mix to a usual width, whoever sings: the sides of its instruments louder or softer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft, rfftfreq

from tasks.engines.guide.arrangement.score import Stem
from tasks.engines.guide.sound.blocks import Filter, blocks, shelf_section
from tasks.engines.guide.sound.source import RATE, Sound
from tasks.engines.guide.sound.tone import WINDOW, excerpts

WIDENED: tuple[Stem, ...] = ("other", "drums")
"""Stems whose sides are changed: drums above :data:`SPLIT_HZ` only, where their overheads are."""

SPLIT_HZ = 3000.0
SHELF_HZ = 2200.0
"""The middle of the shelf between both gains: from :data:`SPLIT_HZ` on it is most of the way up, where the air is
strongest."""

BODY_HZ, AIR_HZ = (200.0, SPLIT_HZ), (SPLIT_HZ, 16000.0)
SIDE_AGAINST_MID_DB = (-5.6, -4.2)
MOST_DB = (4.0, 8.5)
"""In the body and in the air: side against mid, and by how much the sides are changed at most."""

LEAST_DB = 0.1

Spectrum = NDArray[np.complex64]


def widen(stems: Mapping[Stem, Sound]) -> None:
    """Make the sides of ``WIDENED`` stems louder or softer, in place, so that the sum of the stems has
    :data:`SIDE_AGAINST_MID_DB` between 200 Hz and 3 kHz, and above."""
    body_db = side_change_db(stems, ("other",), BODY_HZ, SIDE_AGAINST_MID_DB[0], MOST_DB[0])
    air_db = side_change_db(stems, WIDENED, AIR_HZ, SIDE_AGAINST_MID_DB[1], MOST_DB[1])
    if "other" in stems:
        _change_sides(stems["other"], body_db, air_db)
    if "drums" in stems:
        _change_sides(stems["drums"], 0.0, air_db)


def _change_sides(sound: Sound, body_db: float, air_db: float) -> None:
    """The difference of the sides louder by two gains, in place."""
    if len(sound) < 2 or max(abs(body_db), abs(air_db)) < LEAST_DB:
        return
    shelf = Filter(shelf_section(SHELF_HZ, air_db - body_db)[np.newaxis].astype(np.float32))
    gain = np.float32(10 ** (body_db / 20) / 2)
    for block in blocks(sound.shape[1]):
        left, right = sound[:, block]
        side = (left - right)[np.newaxis]
        changed = shelf(side)[0] * gain - side[0] / 2
        sound[0, block] += changed
        sound[1, block] -= changed


def side_change_db(
    stems: Mapping[Stem, Sound], changed: tuple[Stem, ...], band_hz: tuple[float, float], side_db: float, most_db: float
) -> float:
    """The change of the sides of some stems in dB that brings a band of the sum to ``side_db`` against mid, by
    ``most_db`` at most; 0 where they have no sides, or where nothing sounds."""
    mid, side = _mid_and_side(excerpts(stems.values()), band_hz)
    own = _mid_and_side(excerpts([stems[name] for name in changed if name in stems]), band_hz)[1]
    rest = side - own
    wanted = 10 ** (side_db / 10) * float(np.vdot(mid, mid).real)
    # |rest + gain * own|^2 = wanted, solved for the gain.
    square, linear = float(np.vdot(own, own).real), float(np.vdot(own, rest).real)
    if square <= 1e-6 * wanted or wanted == 0.0:
        return 0.0
    under_root = linear**2 - square * (float(np.vdot(rest, rest).real) - wanted)
    gain = (np.sqrt(max(0.0, under_root)) - linear) / square
    return float(np.clip(20 * np.log10(max(gain, 1e-3)), -most_db, most_db))


def _mid_and_side(sound: Sound, band_hz: tuple[float, float]) -> tuple[Spectrum, Spectrum]:
    """The spectra of sum and difference within the band, of all windows: each (windows, bins)."""
    left, right = rfft(sound.reshape(2, -1, WINDOW), axis=2)
    hertz = rfftfreq(WINDOW, 1 / RATE)
    band = (hertz >= band_hz[0]) & (hertz < band_hz[1])
    left, right = left[:, band], right[:, band]
    return left + right, left - right
