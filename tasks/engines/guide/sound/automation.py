"""The faders of a whole song: choruses stand out from verses by what listeners are used to, and a song of verses alone
rises from the first to the last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.audio.metering.loudness import k_weighting
from tasks.engines.guide.arrangement.score import Arrangement, SectionKind, Stem
from tasks.engines.guide.sound.blocks import UNIT, Filter, blocks, unit_powers
from tasks.engines.guide.sound.source import RATE, Sound

CHORUS_STEP_LU = (3.8, 4.6)
"""Choruses are brought to be louder than verses by this much, least and most."""

MOST_DB = 2.5
"""The arrangement makes the difference; the faders add or take no more."""

CHORUSES_OF_A_LONG_SONG = 3
FIRST_VERSE_DB, LAST_CHORUS_DB = -2.0, 0.7

GATE_LU = -10.0
"""Quieter tenths of a second do not count (ITU-R BS.1770)."""

RAMP_BEATS = 1.0
_SHARE: Mapping[SectionKind, float] = {
    "chorus": 0.5,
    "solo": 0.25,
    "interlude": 0.0,
    "pre-chorus": 0.0,
    "bridge": -0.25,
    "verse": -0.5,
    "intro": -0.5,
    "outro": -0.25,
}
"""How much of the change each kind of section gets."""


def automate(stems: Mapping[Stem, Sound], arrangement: Arrangement) -> None:
    """Bring choruses above verses, in place: all stems alike, by slow ramps before the bar lines of sections.

    In a song without choruses later verses are brought above the first, in one of many choruses the last one above the
    others.
    """
    kinds = [section.kind for section in arrangement.sections]
    arc_db = _arc_db(kinds)
    if "chorus" in kinds:
        change_db = _missing_db(_levels(list(stems.values())), arrangement, arc_db)
        changes_db = [change_db * _SHARE[kind] + own_db for kind, own_db in zip(kinds, arc_db, strict=True)]
    else:
        changes_db = arc_db
    if not any(changes_db):
        return
    grid = arrangement.grid
    times_s: list[float] = []
    gains_db: list[float] = []
    for section, section_db in zip(arrangement.sections, changes_db, strict=True):
        start_s, end_s = grid.time_s(section.first_bar), grid.time_s(section.end_bar, -RAMP_BEATS)
        times_s += [start_s, max(start_s, end_s)]
        gains_db += [section_db] * 2
    for block in blocks(next(iter(stems.values())).shape[1]):
        moments_s = np.arange(block.start, block.stop) / RATE
        gain = (10 ** (np.interp(moments_s, times_s, gains_db) / 20)).astype(np.float32)
        for stem in stems.values():
            stem[:, block] *= gain


def _arc_db(kinds: Sequence[SectionKind]) -> list[float]:
    """How a song grows: one of verses alone from the first to the last; in a long one the first verse stands back and
    the last chorus out. In dB a section."""
    verses, choruses = ([index for index, kind in enumerate(kinds) if kind == wanted] for wanted in ("verse", "chorus"))
    arc_db = [0.0] * len(kinds)
    if not choruses and len(verses) > 1:
        arc_db = [MOST_DB * _SHARE[kind] for kind in kinds]
        for number, index in enumerate(verses):
            arc_db[index] += MOST_DB * number / (len(verses) - 1)
    elif len(choruses) >= CHORUSES_OF_A_LONG_SONG and verses:
        arc_db[verses[0]] = FIRST_VERSE_DB
        arc_db[choruses[-1]] = LAST_CHORUS_DB
    return arc_db


def _missing_db(levels: NDArray[np.float64], arrangement: Arrangement, arc_db: Sequence[float]) -> float:
    """What the difference of choruses and verses lacks, or has too much of, in dB, once ``arc_db`` is added."""
    loudness: dict[str, list[float]] = {"verse": [], "chorus": []}
    for section, own_db in zip(arrangement.sections, arc_db, strict=True):
        if section.kind in loudness and section.lines:
            first, end = (
                max(0, round(arrangement.grid.time_s(bar) * RATE / UNIT))
                for bar in (section.first_bar, section.end_bar)
            )
            if np.any(levels[first:end]):
                loudness[section.kind].append(_gated_lufs(levels[first:end]) + own_db)
    if not all(loudness.values()):
        return 0.0
    step = float(np.mean(loudness["chorus"]) - np.mean(loudness["verse"]))
    return float(np.clip(np.clip(step, *CHORUS_STEP_LU) - step, -MOST_DB, MOST_DB))


def _levels(sounds: Sequence[Sound]) -> NDArray[np.float64]:
    """The K-weighted power of the sum of stems in each tenth of a second."""
    weighting = Filter(k_weighting(RATE))
    powers = []
    for block in blocks(sounds[0].shape[1]):
        mix = np.zeros((2, block.stop - block.start), dtype=np.float32)
        for sound in sounds:
            mix += sound[:, block]
        powers.append(unit_powers(weighting(mix)))
    return np.concatenate(powers)


def _gated_lufs(powers: NDArray[np.float64]) -> float:
    """The loudness of the louder moments."""
    gate = powers.mean() * 10 ** (GATE_LU / 10)
    return float(10 * np.log10(powers[powers >= gate].mean()))
