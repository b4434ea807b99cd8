"""The key of a song is plain from its chords, and the bass of trap glides."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from catalog.album.tempo_and_key import tonic_and_mode
from tasks.engines.guide.arrangement.arrange import arrange
from tasks.engines.guide.arrangement.score import Arrangement, Note, Part
from tasks.engines.guide.genres.chords import chord_of
from tasks.engines.guide.genres.library import GENRES, genre
from tasks.scoring.measures.key import PROFILES
from tests.support.guide_songs import recipe, song_lines

KEYS = ("C major", "A minor", "Eb major", "F# minor")


def part(arrangement: Arrangement, name: str) -> Part:
    return next(each for each in arrangement.parts if each.name == name)


def heard_key(arrangement: Arrangement) -> tuple[int, str]:
    """The key that fits the notes best: the weight of each pitch class by its time and strength."""
    weights = np.zeros(12)
    for each in arrangement.parts:
        if each.name != "drums":
            for note in each.notes:
                weights[note.pitch % 12] += note.duration_s * note.velocity
    fits = {
        (tonic, mode): float(np.corrcoef(np.sqrt(weights), np.roll(profile, tonic))[0, 1])
        for mode, profile in PROFILES.items()
        for tonic in range(12)
    }
    return max(fits, key=fits.__getitem__)


@pytest.mark.parametrize("name", GENRES)
@pytest.mark.parametrize("length_s", [20.0, 145.0])
def test_the_key_is_plain(name: str, length_s: float) -> None:
    rows = [(start_s - 8, text) for start_s, text in song_lines() if start_s - 8 < length_s - 3]
    heard = {}
    for key in KEYS:
        for seed in range(3):
            settings = {"genre": name, "voice": "instrument"}
            heard[key, seed] = heard_key(
                arrange(recipe(rows, seed=seed, length_s=length_s, key=key, settings=settings))
            )
    right = [found == tonic_and_mode(key) for (key, _), found in heard.items()]
    assert sum(right) >= 0.9 * len(right), heard


@pytest.mark.parametrize("name", GENRES)
def test_verses_and_choruses_come_home(name: str) -> None:
    for minor, progressions in ((True, genre(name).progressions.minor), (False, genre(name).progressions.major)):
        for progression in progressions:
            bars = f"{progression.verse} {progression.chorus}"
            roots = [chord_of(bar, 0, minor=minor).root for bar in bars.replace(",", " ").split()]
            assert roots.count(0) >= 3, bars


def test_an_intro_and_an_outro_state_the_key() -> None:
    arrangement = arrange(recipe([(row[0] + 8, row[1]) for row in song_lines()], length_s=165.0, key="C major"))
    grid = arrangement.grid

    def root_at(bar: int) -> str:
        time_s = grid.time_s(bar) + 0.01
        return next(chord.symbol for chord in arrangement.chords if chord.start_s <= time_s < chord.end_s)[0]

    intro, outro = arrangement.sections[0], arrangement.sections[-1]
    assert (intro.kind, outro.kind) == ("intro", "outro")
    assert {root_at(bar) for bar in range(intro.first_bar, intro.end_bar - 1, 2)} == {"C"}
    assert root_at(intro.end_bar - 1) == "G"
    assert root_at(outro.first_bar) == root_at(outro.end_bar - 1) == "C"


def _overlaps(notes: tuple[Note, ...]) -> list[int]:
    """The intervals between notes of which the first lasts into the second."""
    return [
        after.pitch - before.pitch
        for before, after in pairwise(notes)
        if before.start_s + before.duration_s > after.start_s + 0.02
    ]


def _bass(name: str, seed: int = 1) -> tuple[Note, ...]:
    return part(arrange(recipe(song_lines(), seed=seed, length_s=145.0, settings={"genre": name})), "bass").notes


def test_the_bass_of_trap_glides_by_octaves_and_other_notes_are_struck() -> None:
    glides = [_overlaps(_bass("trap", seed)) for seed in range(4)]
    assert all(glides)
    assert all(abs(interval) == 12 for each in glides for interval in each)
    assert not any(_overlaps(_bass(name)) for name in ("house", "jazz", "folk"))
