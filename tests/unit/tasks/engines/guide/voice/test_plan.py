"""When phones are sung: vowels on their notes, consonants before them, and time to breathe."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.engines.guide.arrangement.score import Note
from tasks.engines.guide.voice.pitch import Tuning, pitch_hz
from tasks.engines.guide.voice.plan import BREATH_S, SungPhone, onset_s, phrases, planned
from tasks.engines.guide.words.phonemes import PAUSE, Phone, line_phones, nuclei

LINE = "The last bus home is running late again"


def notes_for(phones: Sequence[Phone], *, start_s: float, step_s: float, line: int = 0) -> list[Note]:
    count = nuclei(phones)
    return [Note(start_s + index * step_s, step_s * 0.97, 64, 95, "", line, index) for index in range(count)]


def plan(text: str, *, step_s: float, free_from_s: float = -1.0, next_start_s: float = 1e9) -> list[SungPhone]:
    phones = line_phones(text, "en", english=True)
    (phrase,) = phrases(phones, notes_for(phones, start_s=2.0, step_s=step_s))
    return planned(phrase, [0.08] * len(phrase.phones), free_from_s=free_from_s, next_start_s=next_start_s)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from((LINE, "Oh", "strengths", "a a a", "Every crossing holding its red for us")),
    st.floats(0.08, 2.0),
    st.floats(0.0, 1.9),
    st.floats(0.1, 5.0),
)
def test_every_vowel_begins_just_before_its_note_and_nothing_overlaps(
    text: str, step_s: float, free_from_s: float, gap_s: float
) -> None:
    last_s = 2.0 + step_s * nuclei(line_phones(text, "en", english=True))
    sung = plan(text, step_s=step_s, free_from_s=free_from_s, next_start_s=last_s + gap_s)
    vowels = [phone for phone in sung if phone.phone.is_nucleus]
    assert [phone.start_s for phone in vowels] == pytest.approx([1.99 + index * step_s for index in range(len(vowels))])
    assert all(phone.duration_s > 0 for phone in vowels)
    for before, after in pairwise(sung):
        assert before.end_s == pytest.approx(after.start_s)
    assert sung[0].phone.symbol == sung[-1].phone.symbol == PAUSE


def test_consonants_leave_the_vowel_most_of_a_short_note() -> None:
    sung = plan("strengths strengths strengths", step_s=0.3)
    vowels = [phone.duration_s for phone in sung if phone.phone.is_nucleus]
    assert min(vowels[:-1]) > 0.5 * 0.3


def test_a_line_ends_in_time_for_a_breath() -> None:
    following_s = 2.0 + 10 * 0.5
    sung = plan(LINE, step_s=0.5, next_start_s=following_s)
    assert sung[-1].start_s <= following_s - BREATH_S + 1e-9


def test_a_rest_inside_a_line_ends_its_phrase_at_a_word() -> None:
    phones = line_phones(LINE, "en", english=True)
    notes = notes_for(phones, start_s=1.0, step_s=0.5)
    late = [note if note.syllable < 4 else Note(note.start_s + 2, 0.4, 64, 95, "", 0, note.syllable) for note in notes]
    first, second = phrases(phones, late)
    assert first.phones[-1].word == 3
    assert second.phones[0].word == 4
    assert first.phones + second.phones == phones


def test_notes_beyond_the_song_take_their_syllables_with_them() -> None:
    phones = line_phones(LINE, "en", english=True)
    (phrase,) = phrases(phones, notes_for(phones, start_s=1.0, step_s=0.5)[:3])
    assert nuclei(phrase.phones) == 3


def test_a_phrase_begins_with_its_first_consonants() -> None:
    phones = line_phones("Stop", "en", english=True)
    (phrase,) = phrases(phones, notes_for(phones, start_s=1.0, step_s=0.5))
    assert onset_s(phrase, [0.1, 0.05, 0.2, 0.1]) == pytest.approx(1.0 - 0.010 - 1.2 * 0.15)


def test_pitch_is_on_the_note_between_glides_and_an_octave_lower_for_a_tenor() -> None:
    notes = [Note(1.0, 0.58, 60, 95), Note(1.6, 0.58, 67, 95), Note(2.2, 0.8, 65, 95)]
    times_s = np.arange(0.9, 3.0, 0.005)
    for transpose in (0, -12):
        hertz = pitch_hz(notes, times_s, Tuning(transpose, 0.0), np.random.default_rng(1))
        for note in notes:
            inside = (times_s > note.start_s + 0.15) & (times_s < note.start_s + 0.5)
            cents = 1200 * np.log2(hertz[inside] / (440 * 2 ** ((note.pitch + transpose - 69) / 12)))
            assert abs(float(np.median(cents))) < 8
            assert float(np.abs(cents).max()) < 60
