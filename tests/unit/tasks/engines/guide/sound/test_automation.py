"""The faders of a song: choruses above verses, slowly, and nothing where there is no chorus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tasks.engines.guide.arrangement.arrange import arrange
from tasks.engines.guide.arrangement.score import Arrangement, Stem
from tasks.engines.guide.sound.automation import (
    CHORUS_STEP_LU,
    CHORUSES_OF_A_LONG_SONG,
    FIRST_VERSE_DB,
    LAST_CHORUS_DB,
    MOST_DB,
    automate,
)
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


def levels_db(stem: Sound, arrangement: Arrangement, kind: str) -> list[float]:
    """The level in the middle of each section of a kind."""
    middles = [
        arrangement.grid.time_s(section.first_bar, 2 * section.bars)
        for section in arrangement.sections
        if section.kind == kind
    ]
    pieces = [stem[:, round(at_s * RATE) :][:, : RATE // 2] for at_s in middles]
    return [float(10 * np.log10(np.square(piece).mean())) for piece in pieces]


def level_db(stem: Sound, arrangement: Arrangement, kind: str) -> float:
    return float(np.mean(levels_db(stem, arrangement, kind)))


def steps(stems: dict[Stem, Sound], arrangement: Arrangement) -> Sequence[float]:
    return [level_db(stem, arrangement, "chorus") - level_db(stem, arrangement, "verse") for stem in stems.values()]


@pytest.mark.parametrize("chorus_db", [0.0, 2.0, 4.0, 6.0])
def test_choruses_stand_above_verses(chorus_db: float) -> None:
    arrangement = arrange(recipe(song_lines(), length_s=LENGTH_S))
    stems = played(arrangement, chorus_db)
    automate(stems, arrangement)
    kinds = [section.kind for section in arrangement.sections]
    own_db = chorus_db
    if kinds.count("chorus") >= CHORUSES_OF_A_LONG_SONG:
        own_db += LAST_CHORUS_DB / kinds.count("chorus") - FIRST_VERSE_DB / kinds.count("verse")
    lowest_db, highest_db = CHORUS_STEP_LU
    wanted_db = min(own_db + MOST_DB, max(own_db - MOST_DB, min(highest_db, max(lowest_db, own_db))))
    assert steps(stems, arrangement) == pytest.approx([wanted_db] * 2, abs=0.1)


def test_a_long_song_grows_from_its_first_verse_to_its_last_chorus() -> None:
    arrangement = arrange(recipe(song_lines(), length_s=LENGTH_S))
    assert [section.kind for section in arrangement.sections].count("chorus") >= CHORUSES_OF_A_LONG_SONG
    stems = played(arrangement, 4.0)
    automate(stems, arrangement)
    verses, choruses = (levels_db(stems["drums"], arrangement, kind) for kind in ("verse", "chorus"))
    assert [level - verses[0] for level in verses[1:]] == pytest.approx([-FIRST_VERSE_DB] * (len(verses) - 1), abs=0.1)
    assert [choruses[-1] - level for level in choruses[:-1]] == pytest.approx(
        [LAST_CHORUS_DB] * (len(choruses) - 1), abs=0.1
    )


def test_a_song_of_verses_alone_rises() -> None:
    arrangement = arrange(recipe(song_lines(), length_s=LENGTH_S))
    sections = tuple(
        replace(section, kind="verse" if section.kind == "chorus" else section.kind) for section in arrangement.sections
    )
    verses = replace(arrangement, sections=sections)
    stems = played(verses, 0.0)
    automate(stems, verses)
    levels = levels_db(stems["drums"], verses, "verse")
    assert levels == sorted(levels)
    assert levels[-1] - levels[0] == pytest.approx(MOST_DB, abs=0.1)


def test_a_song_of_one_verse_stays() -> None:
    arrangement = arrange(recipe(song_lines(), length_s=LENGTH_S))
    verses = replace(arrangement, sections=tuple(replace(section, kind="solo") for section in arrangement.sections))
    stems = played(arrangement, 2.0)
    before = {name: stem.copy() for name, stem in stems.items()}
    automate(stems, verses)
    assert all(np.array_equal(stem, before[name]) for name, stem in stems.items())
