"""Words of lyrics as phones: what counts as a syllable, whose word it is, and what a recipe keeps of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.engines.guide.words.phonemes import line_phones, nuclei, read, words_of, written
from tasks.engines.guide.words.syllables import places


def english(text: str) -> str:
    return written(line_phones(text, "en", english=True))


@pytest.mark.parametrize(
    ("text", "syllables"),
    [
        ("The last bus home is running late again", 10),
        ("And every stop's a light that will not go", 10),
        ("fire and desire, our hour", 6),
        ("your avenue", 4),
        ("99 red balloons", 6),
        ("hmm", 1),
        ("...", 0),
        ("", 0),
    ],
)
def test_english_lines_have_the_syllables_that_are_sung(text: str, syllables: int) -> None:
    assert nuclei(line_phones(text, "en", english=True)) == syllables


@pytest.mark.parametrize(
    ("language", "text", "syllables"),
    [
        ("zh", "月光照在我的窗前", 8),
        ("de", "Die letzte Straßenbahn fährt nach Haus", 9),
        ("es", "No quiero despertar mañana", 9),
        ("it", "La notte scende piano", 7),
        ("ja", "ゆめをみていた", 7),
        ("ru", "Я считаю огни за окном", 9),
        ("vi", "Trăng sáng trên sông quê", 5),
    ],
)
def test_other_languages_have_theirs(language: str, text: str, syllables: int) -> None:
    assert nuclei(line_phones(text, language, english=False)) == syllables


def test_words_keep_their_phones_where_the_reader_joins_them() -> None:
    line = line_phones("of the people, in the rhythm of 99 fires", "en", english=True)
    assert {phone.word for phone in line} == set(range(len(words_of("of the people, in the rhythm of 99 fires"))))
    assert english("of the bus").split("|")[2].endswith("ah s")


def test_stress_is_the_words_own() -> None:
    assert english("again the bus") == ".ax g ˈeh n|dh .ax|b ˈah s"


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.sampled_from("aeiou bcdfgklmnprstwyz'-,.!?9éß月の\n"), max_size=60))
def test_any_line_can_be_written_and_read_back(text: str) -> None:
    phones = line_phones(text, "en", english=True)
    assert read(written(phones)) == phones
    assert [phone.word for phone in phones] == sorted(phone.word for phone in phones)


def test_consonants_between_vowels_begin_the_next_syllable_where_english_lets_them() -> None:
    context = places(line_phones("extra window", "en", english=True))
    assert [place.symbol for place in context if place.place == 0] == ["eh", "s", "w", "d"] or [
        place.symbol for place in context if place.place == 0
    ] == ["eh", "t", "w", "d"]
    assert [place.break_after for place in context][-1] == "4"
