"""Stress of syllables, guessed from spelling."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.lyrics.syllables import count_syllables
from tasks.engines.guide.stress import stress_of


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("I count the lights along the window pane", "0101010101"),
        ("Carry me home on the night bus line", "100100111"),
        ("forever and always remember tonight", "01001001001"),
        ("the conversation", "02010"),
        ("electric", "010"),
        ("Hold on — forever", "10010"),
    ],
)
def test_stressed_syllables_of_english(text: str, marks: str) -> None:
    found = "".join(map(str, stress_of(text, count_syllables(text), "en")))
    assert [mark == "1" for mark in found] == [mark == "1" for mark in marks]


@pytest.mark.parametrize(
    ("word", "language", "place"), [("corazón", "es", 1), ("jamais", "fr", 1), ("Liebe", "de", 0), ("lampada", "it", 1)]
)
def test_other_languages_stress_their_usual_syllable(word: str, language: str, place: int) -> None:
    assert stress_of(word, count_syllables(word, language), language).index(1) == place


@settings(deadline=None)
@given(st.text(max_size=60), st.integers(0, 30), st.sampled_from(("en", "zh", "de", "fr", "xx", "pt-BR")))
def test_there_is_a_mark_for_every_syllable(text: str, syllables: int, language: str) -> None:
    marks = stress_of(text, syllables, language)
    assert len(marks) == syllables
    assert set(marks) <= {0, 1, 2}
    assert 1 in marks or not syllables
