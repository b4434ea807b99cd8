"""Brings a mix nearer to the spectrum of finished records: one gentle equaliser, the same for all stems.

A linear filter on every stem is the same as on their sum, so the stems still add up to the mix.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from scipy.signal import sosfreqz

from catalog.album.mastering import Tone
from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import k_weighting
from tasks.engines.guide.sound.blocks import Filter, blocks, peak_section, shelf_section
from tasks.engines.guide.sound.source import RATE, Sound
from tasks.mastering.analysis.curves import named_curve
from tasks.mastering.analysis.spectrum import CENTRES_HZ, third_octaves

OCTAVES_HZ = (63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
MOST_DB = 4.0
SHARE = 0.85
"""Of the difference from the curve that is corrected: neighbouring bands of the equaliser overlap."""

EMPTY_DB = 24.0
"""A band so far under the curve holds no music and is not lifted."""

WINDOW = 1 << 13
MOST_WINDOWS = 240
QUALITY = 1.3
LEAST_DB = 0.4
"""Smaller corrections are left out."""

Gains = NDArray[np.float64]
"""dB at each of :data:`OCTAVES_HZ`."""


def towards(stems: Collection[Sound], tone: Tone, voice: Sound | None = None) -> None:
    """Filter stems, each (1 or 2, frames), in place, so that their sum comes nearer to a curve, by up to ``MOST_DB``.

    A ``voice`` counts in the sum and is not changed: it has a tone of its own. The others stay as loud as they were
    against it.
    """
    gains = correction_db(stems, tone, voice)
    heard = np.abs(gains) >= LEAST_DB
    sections = _sections(gains)[heard]
    level = np.float32(1.0) if voice is None else _level_kept(stems, sections)
    for stem in stems:
        equalised = Filter(sections)
        for block in blocks(stem.shape[1]) if stem.any() else ():
            stem[:, block] = equalised(stem[:, block]) * level


def correction_db(stems: Collection[Sound], tone: Tone, voice: Sound | None = None) -> Gains:
    """The gains that bring the sum of stems nearer to a curve; zeros for silence or a sound shorter than a window.

    A ``voice`` is part of the sum and keeps its level.
    """
    total = _octave_powers(excerpts(stems if voice is None else [*stems, voice]))
    powers = total if voice is None else np.minimum(total, _octave_powers(excerpts(stems)))
    fixed = total - powers
    if not total.any():
        return np.zeros(len(OCTAVES_HZ))
    with np.errstate(divide="ignore"):
        difference = 10 * (np.log10(_octaves(_powers(named_curve(tone).levels_db))) - np.log10(total))
    is_empty = ~np.isfinite(difference) | (difference - difference[np.isfinite(difference)].min() > EMPTY_DB)
    difference[is_empty] = 0.0
    difference[~is_empty] -= difference[~is_empty].mean()
    wanted = total * 10 ** (SHARE * difference / 10)
    # What the voice leaves of a band is the band's; where it leaves nothing the band goes down by the limit.
    left = np.maximum(wanted - fixed, 10 ** (-MOST_DB / 10) * powers)
    has_band = ~is_empty & (powers > 0)
    gains: Gains = np.zeros(len(OCTAVES_HZ))
    gains[has_band] = np.clip(10 * np.log10(left[has_band] / powers[has_band]), -MOST_DB, MOST_DB)
    return gains


def _level_kept(stems: Collection[Sound], sections: NDArray[np.float64]) -> np.float32:
    """The gain that makes up for what filters change of the K-weighted loudness of a sum."""
    powers = _powers(third_octaves(Audio(excerpts(stems), RATE)).levels_db)
    _, weights = sosfreqz(k_weighting(RATE), CENTRES_HZ, fs=RATE)
    changes = sosfreqz(sections, CENTRES_HZ, fs=RATE)[1] if len(sections) else np.ones(len(CENTRES_HZ))
    before, after = ((powers * np.abs(weights * each) ** 2).sum() for each in (np.ones(len(changes)), changes))
    return np.float32(np.sqrt(before / after)) if after > 0 else np.float32(1.0)


def excerpts(stems: Collection[Sound]) -> Sound:
    """At most ``MOST_WINDOWS`` evenly spaced windows of the sum of the stems, one after the other."""
    frames = next(iter(stems)).shape[1]
    every = max(2, -(-frames // (WINDOW * MOST_WINDOWS)))
    count = max(1, frames // (WINDOW * every))
    excerpts = np.zeros((2, count * WINDOW), dtype=np.float32)
    for index in range(count):
        start = index * WINDOW * every
        for stem in stems:
            piece = stem[:, start : start + WINDOW]
            excerpts[:, index * WINDOW : index * WINDOW + piece.shape[1]] += piece
    return excerpts


def _octave_powers(sound: Sound) -> Gains:
    return _octaves(_powers(third_octaves(Audio(sound, RATE)).levels_db))


def _octaves(powers: Gains) -> Gains:
    """The mean power of the three third-octaves of each octave."""
    nearest = [int(np.argmin(np.abs(np.log2(CENTRES_HZ / hz)))) for hz in OCTAVES_HZ]
    return np.array([powers[index - 1 : index + 2].mean() for index in nearest])


def _powers(levels_db: Gains) -> Gains:
    """Powers of levels in dB; 0 for what is none."""
    return np.where(np.isfinite(levels_db), 10 ** (levels_db / 10), 0.0)


def _sections(gains_db: Gains) -> NDArray[np.float64]:
    """A low shelf, six peaks and a high shelf (Bristow-Johnson's cookbook forms), shape (8, 6)."""
    last = len(OCTAVES_HZ) - 1
    rows = []
    for index, (centre_hz, gain_db) in enumerate(zip(OCTAVES_HZ, gains_db, strict=True)):
        if index == 0:
            rows.append(shelf_section(centre_hz * 2**0.5, float(gain_db), high=False))
        elif index == last:
            rows.append(shelf_section(centre_hz / 2**0.5, float(gain_db), high=True))
        else:
            rows.append(peak_section(centre_hz, float(gain_db), QUALITY))
    return np.array(rows)
