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
from tasks.engines.guide.arrangement.score import Arrangement, Note, Part
from tasks.engines.guide.arrangement.tune.melody import HIGHEST, LOWEST
from tests.support.guide_songs import Row, recipe, song_lines

TEXTS = ("", "Oh", "Carry me home on the night bus line", "We", "extraordinarily complicated polysyllabic vocabulary")


def part(arrangement: Arrangement, name: str) -> Part:
    return next(part for part in arrangement.parts if part.name == name)


def kinds(arrangement: Arrangement) -> list[str]:
    return [section.kind for section in arrangement.sections]


def notes_of_bar(part: Part, arrangement: Arrangement, bar: int) -> list[Note]:
    start_s = arrangement.grid.time_s(bar) - 0.02
    return [note for note in part.notes if start_s <= note.start_s < start_s + arrangement.grid.bar_s]


@st.composite
def lyrics(draw: st.DrawFn) -> tuple[float, list[Row]]:
    length_s = draw(st.sampled_from((3.0, 10.0, 61.3, 95.0, 285.0)))
    stamps = draw(st.sets(st.integers(0, int(length_s * 100) - 20), max_size=24))
    return length_s, [(stamp / 100, draw(st.sampled_from(TEXTS))) for stamp in sorted(stamps)]


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(lyrics(), st.integers(0, 2**53 - 1), st.sampled_from((None, 30.0, 97.3, 128.0, 300.0)), st.floats(0, 1))
def test_every_song_is_well_formed(song: tuple[float, list[Row]], seed: int, bpm: float | None, density: float) -> None:
    length_s, rows = song
    made = recipe(rows, seed=seed, bpm=bpm, length_s=length_s, settings={"density": density})
    arrangement = arrange(made)
    for played in arrangement.parts:
        assert list(played.notes) == sorted(played.notes)
        for note in played.notes:
            assert 0 <= note.start_s < note.start_s + note.duration_s <= length_s + 1e-9
            assert 1 <= note.velocity <= 127
    for before, after in pairwise(arrangement.sections):
        assert before.first_bar < before.end_bar == after.first_bar
    syllables = [(start_s, count_syllables(text)) for start_s, text in rows]
    sung = [note for played in arrangement.parts if played.name == "vocals" for note in played.notes]
    assert len(sung) == sum(count for _, count in syllables)
    assert {start_s for start_s, count in syllables if count} <= {note.start_s for note in sung}
    assert all(LOWEST <= note.pitch <= HIGHEST for note in sung)
    assert all(before.start_s < after.start_s for before, after in pairwise(sung))


def test_the_form_follows_gaps_and_repeated_words() -> None:
    arrangement = arrange(recipe(song_lines(), length_s=145.0))
    assert kinds(arrangement) == ["intro", "verse", "chorus", "verse", "chorus", "bridge", "chorus", "outro"]
    assert [len(section.lines) for section in arrangement.sections] == [0, 4, 4, 4, 4, 4, 4, 0]


def test_a_long_gap_becomes_an_interlude() -> None:
    rows = [*((10.0 + 4 * index, f"first words {index}") for index in range(4))]
    rows += [(60.0 + 4 * index, f"other words {index}") for index in range(4)]
    assert kinds(arrange(recipe(rows, length_s=90.0))) == ["intro", "verse", "interlude", "chorus", "outro"]


def test_lines_without_gaps_part_into_fours() -> None:
    rows = [(8.0 + 4 * index, f"one more line {index}") for index in range(16)]
    lines = [len(section.lines) for section in arrange(recipe(rows, length_s=90.0)).sections if section.lines]
    assert lines == [4, 4, 4, 4]


def test_the_chorus_has_other_chords_a_higher_tune_and_more_energy() -> None:
    arrangement = arrange(recipe(song_lines(), length_s=145.0))
    tune = part(arrangement, "vocals").notes
    bass = part(arrangement, "bass")
    verse, chorus = arrangement.sections[1:3]
    roots = [
        [notes_of_bar(bass, arrangement, bar)[0].pitch for bar in range(section.first_bar, section.first_bar + 4)]
        for section in (verse, chorus)
    ]
    assert roots[0] != roots[1]
    assert chorus.energy > verse.energy
    means = []
    for section in (verse, chorus):
        begin, end = section.lines[0].start_s, section.lines[-1].end_s
        pitches = [note.pitch for note in tune if begin <= note.start_s < end]
        means.append(sum(pitches) / len(pitches))
    assert means[1] > means[0] + 2
    assert len(notes_of_bar(bass, arrangement, chorus.first_bar + 1)) > len(
        notes_of_bar(bass, arrangement, verse.first_bar + 1)
    )


@pytest.mark.parametrize("key", ["A minor", "Eb major", "F# minor", "C major"])
def test_the_key_is_kept_and_the_song_comes_home(key: str) -> None:
    arrangement = arrange(recipe(song_lines(), length_s=145.0, key=key))
    tonic, mode = tonic_and_mode(key)
    assert (arrangement.tonic, arrangement.minor) == (tonic, mode == "minor")
    assert part(arrangement, "bass").notes[-1].pitch % 12 == tonic
    scale = {(tonic + step) % 12 for step in ((0, 2, 3, 5, 7, 8, 10) if mode == "minor" else (0, 2, 4, 5, 7, 9, 11))}
    leading_tone = (tonic - 1) % 12
    assert {note.pitch % 12 for note in part(arrangement, "vocals").notes} <= scale | {leading_tone}


def test_a_stated_tempo_is_kept_and_bars_meet_the_lines() -> None:
    arrangement = arrange(recipe(song_lines(), length_s=145.0, bpm=120.0))
    assert arrangement.grid.bpm == 120.0
    beats = arrangement.grid.beats(10.0)
    assert beats % 4 == pytest.approx(0, abs=0.1) or beats % 4 == pytest.approx(4, abs=0.1)


def test_an_unstated_tempo_bends_to_the_lines() -> None:
    # Lines every 2.0 s fit 120 BPM; a groove that starts from near it finds it.
    rows = [(4.0 + 2 * index, "We go on") for index in range(20)]
    for seed in range(4):
        grid = arrange(recipe(rows, seed=seed, bpm=None, length_s=60.0, settings={"groove": "dance"})).grid
        offsets = [abs((start_s - grid.origin_s) % (grid.beat_s / 2)) for start_s, _ in rows]
        assert sum(min(offset, grid.beat_s / 2 - offset) < 0.06 for offset in offsets) >= len(rows) // 2


def test_seeds_differ_where_nothing_is_stated() -> None:
    made = [arrange(recipe(seed=seed, bpm=None, key=None, prompt=None)) for seed in range(8)]
    assert len({(song.tonic, song.minor) for song in made}) >= 4
    assert len({song.grid.bpm for song in made}) >= 4
    assert len({tuple(played.program for played in song.parts) for song in made}) >= 4


def test_seeds_differ_where_all_is_stated() -> None:
    tunes = {tuple(note.pitch for note in part(arrange(recipe(seed=seed)), "vocals").notes) for seed in range(6)}
    assert len(tunes) == 6


def test_without_words_an_instrument_plays_and_there_are_no_vocals() -> None:
    arrangement = arrange(recipe((), length_s=60.0))
    assert part(arrangement, "lead").stem == "other"
    assert all(played.stem != "vocals" for played in arrangement.parts)
    assert {"intro", "verse", "chorus", "outro"} <= set(kinds(arrangement))


def test_the_tune_without_words_is_left_to_instruments() -> None:
    human = {VOICES[name] for name in HUMAN_VOICES}
    grooves = ("pop", "ballad", "rock", "dance", "folk", "soul")
    made = [arrange(recipe((), seed=seed, settings={"groove": groove})) for groove in grooves for seed in range(8)]
    assert not human & {part(arrangement, "lead").program for arrangement in made}


def test_rests_end_the_line_before_them() -> None:
    held = part(arrange(recipe(((2.0, "Hello"), (9.0, "you")))), "vocals").notes[1]
    cut = part(arrange(recipe(((2.0, "Hello"), (2.8, ""), (9.0, "you")))), "vocals").notes[1]
    assert cut.start_s + cut.duration_s < 2.8 < held.start_s + held.duration_s


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


def test_drums_fill_before_a_section_and_crash_into_it() -> None:
    arrangement = arrange(recipe(song_lines(), length_s=145.0))
    drums = part(arrangement, "drums")
    for section in arrangement.sections[1:-1]:
        assert any(note.pitch == 49 for note in notes_of_bar(drums, arrangement, section.first_bar))
    verse = arrangement.sections[1]
    plain = notes_of_bar(drums, arrangement, verse.first_bar + 1)
    filled = notes_of_bar(drums, arrangement, verse.end_bar - 1)
    assert [note.pitch for note in plain] != [note.pitch for note in filled]
