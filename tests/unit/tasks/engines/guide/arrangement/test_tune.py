"""The tune: breath, range, the same words on the same tune, the hook, stress."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.recipe import Recipe
from tasks.engines.guide.arrangement.arrange import arrange
from tasks.engines.guide.arrangement.score import Arrangement, Line, Note
from tasks.engines.guide.genres.library import GENRES
from tests.support.guide_songs import recipe, song_lines

WORDS = (
    "The last bus home is running late again",
    "I count the lights along the window pane",
    "Oh, carry me home",
    "Every stop is a borrowed sign",
    "Nobody is waiting up for me tonight",
    "So",
)
TEMPOS = st.sampled_from((None, 62.0, 84.0, 100.0, 127.5, 168.0))
KEYS = st.sampled_from(("A minor", "Eb major", "F# minor", "C major", "B major", "G# minor"))


@st.composite
def sung_songs(draw: st.DrawFn) -> Callable[[], Recipe]:
    """Songs of 20 to 285 s whose lines can be sung, 2.5 to 6 s a line: a function that makes the recipe, since it
    starts processes, which draw numbers that Hypothesis does not control."""
    length_s = draw(st.floats(20, 285))
    line_s = draw(st.floats(2.5, 6))
    texts = draw(st.lists(st.sampled_from(WORDS), min_size=2, max_size=40))
    start_s = draw(st.floats(0, 10))
    rows = [(round(start_s + index * line_s, 2), text) for index, text in enumerate(texts)]
    kept = [row for row in rows if row[0] < length_s - 3]
    return partial(
        recipe,
        kept,
        seed=draw(st.integers(0, 10**6)),
        bpm=draw(TEMPOS),
        key=draw(KEYS),
        length_s=round(length_s, 2),
        settings={"genre": draw(st.sampled_from(GENRES))},
    )


def sung(arrangement: Arrangement) -> list[tuple[Line, str, tuple[Note, ...]]]:
    """Every line with its section's kind and its notes."""
    notes = next((part.notes for part in arrangement.parts if part.name == "vocals"), ())
    found: list[tuple[Line, str, tuple[Note, ...]]] = []
    index = 0
    for section in arrangement.sections:
        for line in section.lines:
            found.append((line, section.kind, notes[index : index + line.syllables]))
            index += line.syllables
    return found


def contour(notes: tuple[Note, ...]) -> list[int]:
    return [int(np.sign(after.pitch - before.pitch)) for before, after in pairwise(notes)]


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(sung_songs())
def test_the_rules_of_a_tune_hold(make: Callable[[], Recipe]) -> None:
    arrangement = arrange(make())
    lines = sung(arrangement)
    all_notes = [note for _, _, notes in lines for note in notes]
    start_s = all_notes[0].start_s if all_notes else 0.0
    for before, after in pairwise(all_notes):
        if after.start_s - before.start_s - before.duration_s >= 0.25 - 1e-6:
            start_s = after.start_s
        assert after.start_s + after.duration_s - start_s <= 8.0
    contours = defaultdict(set)
    for line, kind, notes in lines:
        pitches = [note.pitch for note in notes]
        assert max(pitches) - min(pitches) <= 12
        assert all(abs(after - before) <= 9 for before, after in pairwise(pitches))
        contours[line.text, kind].add(tuple(contour(notes)))
    assert all(len(found) == 1 for found in contours.values())


def test_the_same_words_have_the_same_notes_where_they_begin_alike() -> None:
    rows = [(8.0 + 4 * index, ("Carry me home tonight", "Every stop's a sign")[index % 2]) for index in range(12)]
    lines = sung(arrange(recipe(rows, length_s=70.0, bpm=120.0)))
    by_words = defaultdict(set)
    for line, _, notes in lines:
        by_words[line.text].add(tuple(round(note.start_s - line.start_s, 3) for note in notes))
    assert [len(found) for found in by_words.values()] == [1, 1]


@pytest.mark.parametrize("genre", GENRES)
def test_the_hook_has_the_highest_note(genre: str) -> None:
    for seed in range(4):
        lines = sung(arrange(recipe(song_lines(), seed=seed, length_s=145.0, settings={"genre": genre})))
        highest = max(note.pitch for _, _, notes in lines for note in notes)
        owners = {line.text for line, _, notes in lines if max(note.pitch for note in notes) == highest}
        assert owners == {"Carry me home on the night bus line"}


def test_stressed_syllables_are_higher_longer_and_on_beats() -> None:
    pitch, length, beat = defaultdict(list), defaultdict(list), defaultdict(list)
    for seed in range(8):
        arrangement = arrange(recipe(song_lines(), seed=seed, length_s=145.0, bpm=96.0))
        for line, _, notes in sung(arrangement):
            mean = np.mean([note.pitch for note in notes])
            for mark, note, following in zip(line.stress, notes, notes[1:], strict=False):
                place = arrangement.grid.beats(note.start_s)
                pitch[mark == 1].append(note.pitch - mean)
                length[mark == 1].append(following.start_s - note.start_s)
                beat[mark == 1].append(abs(place - round(place)) < 0.12)
    assert np.mean(pitch[True]) - np.mean(pitch[False]) >= 0.5
    assert np.mean(length[True]) / np.mean(length[False]) >= 1.3
    assert np.mean(beat[True]) >= 0.65
    assert np.mean(beat[True]) / np.mean(beat[False]) >= 1.6


def test_stress_comes_from_the_recipe() -> None:
    rows = ((2.0, "one two three four five six"),)
    plain = recipe(rows)
    other = Recipe(plain.engine, plain.revision, 1, 12.0, {**plain.inputs, "stress": [[0, 0, 1, 0, 0, 1]]})
    lines = [sung(arrange(made))[0] for made in (plain, other)]
    assert lines[1][0].stress == (0, 0, 1, 0, 0, 1)
    assert [note.start_s for note in lines[0][2]] != [note.start_s for note in lines[1][2]]


def test_rests_end_the_line_before_them() -> None:
    held = sung(arrange(recipe(((2.0, "Hello"), (9.0, "you")))))[0][2][-1]
    cut = sung(arrange(recipe(((2.0, "Hello"), (2.8, ""), (9.0, "you")))))[0][2][-1]
    assert cut.start_s + cut.duration_s < 2.8 < held.start_s + held.duration_s
