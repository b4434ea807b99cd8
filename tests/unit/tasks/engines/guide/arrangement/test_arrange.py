"""What is played, and when: form, tempo, melody and the MIDI file, without making a sound."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.album.tempo_and_key import tonic_and_mode
from catalog.lyrics.syllables import count_syllables
from tasks.engines.guide.arrangement.arrange import arrange
from tasks.engines.guide.arrangement.band import HUMAN_VOICES, VOICES
from tasks.engines.guide.arrangement.midi import midi_bytes
from tasks.engines.guide.arrangement.score import Arrangement, Part
from tasks.engines.guide.arrangement.tune.melody import HIGHEST, LOWEST
from tasks.engines.guide.genres.library import GENRES
from tests.support.guide_songs import Row, recipe, song_lines

TEXTS = ("", "Oh", "Carry me home on the night bus line", "We", "extraordinarily complicated polysyllabic vocabulary")


def part(arrangement: Arrangement, name: str) -> Part:
    return next(part for part in arrangement.parts if part.name == name)


@st.composite
def lyrics(draw: st.DrawFn) -> tuple[float, list[Row]]:
    length_s = draw(st.sampled_from((3.0, 10.0, 61.3, 95.0, 285.0, 600.0)))
    stamps = draw(st.sets(st.integers(0, int(length_s * 100) - 20), max_size=24))
    return length_s, [(stamp / 100, draw(st.sampled_from(TEXTS))) for stamp in sorted(stamps)]


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(
    lyrics(),
    st.integers(0, 2**53 - 1),
    st.sampled_from((None, 30.0, 97.3, 128.0, 300.0)),
    st.sampled_from(("A minor", "Eb major", "F# minor", None)),
    st.sampled_from(GENRES),
    st.floats(0, 1),
)
def test_every_song_is_well_formed(
    song: tuple[float, list[Row]], seed: int, bpm: float | None, key: str | None, genre: str, density: float
) -> None:
    length_s, rows = song
    settings = {"density": density, "genre": genre}
    arrangement = arrange(recipe(rows, seed=seed, bpm=bpm, key=key, length_s=length_s, settings=settings))
    for played in arrangement.parts:
        assert list(played.notes) == sorted(played.notes)
        for note in played.notes:
            assert 0 <= note.start_s < note.start_s + note.duration_s <= length_s + 1e-9
            assert 1 <= note.velocity <= 127
    for before, after in pairwise(arrangement.sections):
        assert before.first_bar < before.end_bar == after.first_bar
    assert arrangement.chords[0].start_s == 0 or arrangement.grid.origin_s > 0
    assert arrangement.chords[-1].end_s == length_s
    assert all(before.end_s == after.start_s for before, after in pairwise(arrangement.chords))
    syllables = [(start_s, count_syllables(text)) for start_s, text in rows]
    sung = [note for played in arrangement.parts if played.name == "vocals" for note in played.notes]
    assert len(sung) == sum(count for _, count in syllables)
    assert {start_s for start_s, count in syllables if count} <= {note.start_s for note in sung}
    assert all(LOWEST <= note.pitch <= HIGHEST for note in sung)
    assert all(before.start_s < after.start_s for before, after in pairwise(sung))


@pytest.mark.parametrize("key", ["A minor", "Eb major", "F# minor", "C major"])
def test_the_key_is_kept_and_the_song_comes_home(key: str) -> None:
    arrangement = arrange(recipe(song_lines(), length_s=145.0, key=key))
    tonic, mode = tonic_and_mode(key)
    assert (arrangement.tonic, arrangement.minor) == (tonic, mode == "minor")
    assert part(arrangement, "bass").notes[-1].pitch % 12 == tonic
    scale = {(tonic + step) % 12 for step in ((0, 2, 3, 5, 7, 8, 10) if mode == "minor" else (0, 2, 4, 5, 7, 9, 11))}
    tune = part(arrangement, "vocals").notes
    foreign = [note for note in tune if note.pitch % 12 not in scale]
    assert len(foreign) <= 0.15 * len(tune)
    assert arrangement.chords[-1].symbol in (key.split()[0], f"{key.split()[0]}m")


def test_a_stated_tempo_is_kept_and_bars_meet_the_lines() -> None:
    arrangement = arrange(recipe(song_lines(), length_s=145.0, bpm=120.0))
    assert arrangement.grid.bpm == 120.0
    beats = arrangement.grid.beats(10.0)
    assert beats % 4 == pytest.approx(0, abs=0.1) or beats % 4 == pytest.approx(4, abs=0.1)


def test_without_words_an_instrument_plays_and_there_are_no_vocals() -> None:
    arrangement = arrange(recipe((), length_s=60.0))
    assert part(arrangement, "lead").stem == "other"
    assert all(played.stem != "vocals" for played in arrangement.parts)
    assert {"intro", "verse", "chorus", "outro"} <= {section.kind for section in arrangement.sections}


def test_the_tune_without_words_is_left_to_instruments() -> None:
    human = {VOICES[name] for name in HUMAN_VOICES}
    made = [arrange(recipe((), seed=seed, settings={"genre": name})) for name in GENRES for seed in range(4)]
    assert not human & {part(arrangement, "lead").program for arrangement in made}


@pytest.mark.slow
def test_the_midi_file_has_everything_at_its_place() -> None:
    rows = song_lines()
    arrangement = arrange(recipe(rows, length_s=145.0, bpm=97.3, key="Eb major"))
    data = midi_bytes(arrangement)
    midi = pretty_midi.PrettyMIDI(io.BytesIO(data))
    assert data == midi_bytes(arrange(recipe(rows, length_s=145.0, bpm=97.3, key="Eb major")))
    times, tempos = midi.get_tempo_changes()
    assert tempos[-1] == pytest.approx(97.3, rel=1e-5)
    assert times[-1] == pytest.approx(arrangement.grid.origin_s, abs=1e-3)
    assert [signature.numerator for signature in midi.time_signature_changes][-1] == 4
    assert [signature.key_number for signature in midi.key_signature_changes] == [3]
    assert {instrument.name for instrument in midi.instruments} == {
        played.name.capitalize() for played in arrangement.parts
    }
    vocals = next(instrument for instrument in midi.instruments if instrument.name == "Vocals")
    starts = np.array([note.start for note in vocals.notes])
    sung_at = np.array([lyric.time for lyric in midi.lyrics])
    for start_s, text in rows:
        assert np.abs(starts - start_s).min() < 2e-3
        word = midi.lyrics[int(np.abs(sung_at - start_s).argmin())].text
        assert word.rstrip("-") in text.split()[0]
    assert len(vocals.notes) == len(midi.lyrics)
