"""The faders of a song: choruses above verses, slowly, and nothing where there is no chorus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tasks.engines.guide.arrangement.arrange import arrange
from tasks.engines.guide.arrangement.score import Arrangement, Stem
from tasks.engines.guide.sound.automation import CHORUS_STEP_LU, MOST_DB, automate
from tasks.engines.guide.sound.source import RATE, Sound
from tests.support.guide_songs import recipe, song_lines

LENGTH_S = 145.0


def played(arrangement: Arrangement, chorus_db: float) -> dict[Stem, Sound]:
    """A steady tone in two stems, louder by ``chorus_db`` in choruses."""
    time_s = np.arange(round(LENGTH_S * RATE)) / RATE
    tone = (0.05 * np.sin(2 * np.pi * 1000 * time_s)).astype(np.float32)
    for section in arrangement.sections:
        if section.kind == "chorus":
            start, end = (round(arrangement.grid.time_s(bar) * RATE) for bar in (section.first_bar, section.end_bar))
            tone[start:end] *= np.float32(10 ** (chorus_db / 20))
    return {"drums": tone[np.newaxis].copy(), "other": np.repeat(tone[np.newaxis], 2, axis=0)}


def level_db(stem: Sound, arrangement: Arrangement, kind: str) -> float:
    """The level in the middle of the sections of a kind."""
    middles = [
        arrangement.grid.time_s(section.first_bar, 2 * section.bars)
        for section in arrangement.sections
        if section.kind == kind
    ]
    pieces = [stem[:, round(at_s * RATE) :][:, : RATE // 2] for at_s in middles]
    return float(10 * np.log10(np.mean([np.square(piece).mean() for piece in pieces])))


def steps(stems: dict[Stem, Sound], arrangement: Arrangement) -> Sequence[float]:
    return [level_db(stem, arrangement, "chorus") - level_db(stem, arrangement, "verse") for stem in stems.values()]


@pytest.mark.parametrize(
    ("chorus_db", "wanted_db"),
    [(2.0, CHORUS_STEP_LU[0]), (4.0, 4.0), (6.0, CHORUS_STEP_LU[1]), (0.0, MOST_DB)],
)
def test_choruses_stand_above_verses(chorus_db: float, wanted_db: float) -> None:
    arrangement = arrange(recipe(song_lines(), length_s=LENGTH_S))
    stems = played(arrangement, chorus_db)
    automate(stems, arrangement)
    assert steps(stems, arrangement) == pytest.approx([wanted_db] * 2, abs=0.1)


def test_a_song_without_a_chorus_stays() -> None:
    arrangement = arrange(recipe(song_lines(), length_s=LENGTH_S))
    verses = replace(arrangement, sections=tuple(replace(section, kind="verse") for section in arrangement.sections))
    stems = played(arrangement, 2.0)
    before = {name: stem.copy() for name, stem in stems.items()}
    automate(stems, verses)
    assert all(np.array_equal(stem, before[name]) for name, stem in stems.items())
