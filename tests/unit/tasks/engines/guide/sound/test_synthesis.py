"""Synthesised instruments: in tune, finite, the same in every process, softer and darker when played softly."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from catalog.common.errors import WorkError
from tasks.engines.guide.arrangement.score import DRUM_BANK, Note, Part
from tasks.engines.guide.instruments import soundfont_path
from tasks.engines.guide.sound.fonts.soundfont import SoundFont
from tasks.engines.guide.sound.names import IN_PLACE_OF_PROGRAMS, INSTRUMENTS
from tasks.engines.guide.sound.player import Player
from tasks.engines.guide.sound.source import Sound
from tests.support.tones import RATE, centroid_hz, cents_off, peak_dbfs

KITS = tuple(name for name, named in INSTRUMENTS.items() if named.bank == DRUM_BANK)
MELODIC = tuple(name for name in INSTRUMENTS if name not in KITS)
BASSES = tuple(name for name in MELODIC if "bass" in name or name == "808")
BEATING = ("supersaw", "plucked saw", "warm pad", "string machine")
CLOSED_HAT, OPEN_HAT, KICK, CRASH = 42, 46, 36, 49


@pytest.fixture(scope="module")
def player() -> Player:
    return Player(SoundFont(soundfont_path()), is_small=True)


def played(player: Player, name: str, *notes: Note, seconds: float = 2.0, mono: bool = False) -> Sound:
    named = INSTRUMENTS[name]
    part = Part("chords", "other", named.program, notes, bank=named.bank, mono=mono, instrument=name)
    return player.play(part, frames=round(seconds * RATE))


@pytest.mark.parametrize("name", MELODIC)
def test_instruments_are_in_tune(player: Player, name: str) -> None:
    for pitch in (28, 36, 48) if name in BASSES else (48, 60, 79):
        tone = played(player, name, Note(0.0, 1.8, pitch, 100), mono=True)[0]
        assert abs(cents_off(tone[4410:75000], pitch)) < (13 if name in BEATING else 4), pitch


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_harder_notes_are_louder_and_no_darker_and_released_ones_die(player: Player, name: str) -> None:
    pitch = 38 if name in KITS else 40 if name in BASSES else 60
    notes = (Note(0.0, 0.4, pitch, 45), Note(3.0, 0.4, pitch, 120))
    sound = played(player, name, *notes, seconds=6.0)
    soft, loud = sound[0, : RATE // 2], sound[0, 3 * RATE : 3 * RATE + RATE // 2]
    assert peak_dbfs(loud) - peak_dbfs(soft) > 8
    assert centroid_hz(loud) > 0.95 * centroid_hz(soft)
    assert peak_dbfs(sound[:, 5 * RATE :]) < peak_dbfs(loud) - 50


@pytest.mark.parametrize("kit", KITS)
def test_every_drum_note_sounds(player: Player, kit: str) -> None:
    for note in range(35, 83):
        sound = played(player, kit, Note(0.0, 0.3, note, 100), seconds=0.5)
        assert np.isfinite(sound).all()
        assert -40 < peak_dbfs(sound) < 6, note


def test_copies_of_a_hat_alternate(player: Player) -> None:
    hats = tuple(Note(0.5 * index, 0.1, CLOSED_HAT, 90) for index in range(3))
    first, second, third = np.split(played(player, "standard kit", *hats, seconds=1.5), 3, axis=1)
    assert np.array_equal(first, third)
    assert abs(peak_dbfs(first) - peak_dbfs(second)) == pytest.approx(2.0, abs=0.4)


def test_a_closed_hat_ends_an_open_one(player: Player) -> None:
    alone = played(player, "standard kit", Note(0.0, 0.1, OPEN_HAT, 100), seconds=1.0)
    ended = played(player, "standard kit", Note(0.0, 0.1, OPEN_HAT, 100), Note(0.25, 0.1, CLOSED_HAT, 1), seconds=1.0)
    after = slice(round(0.35 * RATE), round(0.45 * RATE))
    assert peak_dbfs(ended[:, after]) < peak_dbfs(alone[:, after]) - 20


def test_cymbals_are_wide_and_the_kick_stands_in_the_centre(player: Player) -> None:
    crash, kick = (played(player, "standard kit", Note(0.0, 0.1, note, 100)) for note in (CRASH, KICK))
    assert np.corrcoef(*crash)[0, 1] < 0.9
    assert np.allclose(kick[0], kick[1], atol=1e-6)


def _hertz_over_time(tone: Sound) -> NDArray[np.float64]:
    """The frequency between upward zero crossings, as (seconds, Hz) rows."""
    crossings = np.flatnonzero((tone[0, :-1] <= 0) & (tone[0, 1:] > 0))
    exact = crossings - tone[0, crossings] / (tone[0, crossings + 1] - tone[0, crossings])
    return np.stack([exact[1:] / RATE, RATE / np.diff(exact)], axis=1)


def test_the_808_drops_glides_where_notes_overlap_and_strikes_anew_where_not(player: Player) -> None:
    low, high = 55.0, 110.0
    glided = _hertz_over_time(played(player, "808", Note(0.0, 1.1, 33, 110), Note(1.0, 0.9, 45, 110), mono=True))
    struck = played(player, "808", Note(0.0, 0.9, 33, 110), Note(1.0, 0.9, 45, 110), mono=True)
    start = glided[(glided[:, 0] > 0.03) & (glided[:, 0] < 0.05), 1]
    assert start.min() > low
    assert np.abs(glided[(glided[:, 0] > 0.3) & (glided[:, 0] < 0.95), 1] / low - 1).max() < 0.01
    between = glided[(glided[:, 0] > 1.03) & (glided[:, 0] < 1.07), 1]
    assert ((between > 1.1 * low) & (between < 0.9 * high)).all()
    assert np.abs(glided[glided[:, 0] > 1.2, 1][:20] / high - 1).max() < 0.01
    assert peak_dbfs(struck[:, round(0.97 * RATE) : RATE]) < -40  # silence before the second stroke


def test_an_808_of_many_short_and_simultaneous_notes_is_one_voice(player: Player) -> None:
    notes = tuple(Note(0.05 * (index // 2), 0.3, 30 + index, 127) for index in range(30))
    assert peak_dbfs(played(player, "808", *notes, mono=True)) < 0


def test_two_performances_differ_and_stay_together(player: Player) -> None:
    part = Part("chords", "other", 25, (Note(0.0, 1.0, 60, 90), Note(0.5, 1.0, 64, 90)), instrument="steel guitar")
    doubled = player.play_doubled(part, frames=2 * RATE)
    assert doubled.shape == (2, 2 * RATE)
    assert np.corrcoef(*doubled)[0, 1] < 0.7
    assert abs(peak_dbfs(doubled[0]) - peak_dbfs(doubled[1])) < 3


def test_a_name_that_is_none_names_the_others(player: Player) -> None:
    with pytest.raises(WorkError, match="kazoo") as caught:
        player.play(Part("chords", "other", 0, (Note(0.0, 1.0, 60, 90),), instrument="kazoo"), frames=RATE)
    assert "supersaw" in caught.value.remedy


def test_a_chosen_font_plays_itself_all_but_what_is_electronic() -> None:
    font = SoundFont(soundfont_path())
    small, chosen = Player(font, is_small=True), Player(font, is_small=False)
    for name, differs in (("steel guitar", True), ("jazz brush kit", True), ("808", False), ("supersaw", False)):
        first, second = (played(player, name, Note(0.0, 0.5, 42, 100), seconds=0.5) for player in (small, chosen))
        assert np.array_equal(first, second) != differs, name
    plain = Part("chords", "other", 25, (Note(0.0, 0.5, 60, 100),))
    assert not np.array_equal(small.play(plain, frames=RATE), chosen.play(plain, frames=RATE))


def test_every_name_says_what_it_is() -> None:
    assert set(IN_PLACE_OF_PROGRAMS.values()) <= set(INSTRUMENTS)
    assert all(10 < len(named.description) < 100 for named in INSTRUMENTS.values())
    assert all(0 <= named.program < 128 for named in INSTRUMENTS.values())


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(list(INSTRUMENTS)),
    rows=st.lists(
        st.tuples(st.floats(0, 3), st.floats(0.001, 2), st.integers(0, 127), st.integers(1, 127)), max_size=6
    ),
    frames=st.integers(1, 2 * RATE),
    mono=st.booleans(),
)
def test_any_part_is_finite_and_as_long_as_asked(
    player: Player, name: str, rows: list[tuple[float, float, int, int]], frames: int, mono: bool
) -> None:
    notes = tuple(Note(*row) for row in rows)
    sound = played(player, name, *notes, seconds=frames / RATE, mono=mono)
    assert sound.shape == (1 if mono else 2, frames)
    assert sound.dtype == np.float32
    assert np.isfinite(sound).all()
    assert np.abs(sound).max(initial=0.0) < 4 * max(1, len(notes))


@pytest.mark.slow
def test_another_process_plays_the_same_samples(player: Player) -> None:
    code = (
        "import hashlib; from tests.unit.tasks.engines.guide.sound.test_synthesis import *;"
        "player = Player(SoundFont(soundfont_path()), is_small=True);"
        "sounds = [played(player, name, Note(0.0, 0.5, 46, 100)) for name in INSTRUMENTS];"
        "print(hashlib.sha256(b''.join(sound.tobytes() for sound in sounds)).hexdigest())"
    )
    found = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert found[0] == found[1]
    assert len(found[0].strip()) == 64
