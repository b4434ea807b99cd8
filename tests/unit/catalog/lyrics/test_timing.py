"""Times for lyrics without times: rates, bars, rests and sections of twelve texts in four languages."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.common.errors import InputError
from catalog.lyrics.formats.tags import LENGTH, length_tag
from catalog.lyrics.lines import MAX_LINE_CHARACTERS
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.reading import read_lyrics, stored_lyrics
from catalog.lyrics.singing_rate import singing_rate_warnings
from catalog.lyrics.syllables import count_syllables
from catalog.lyrics.timing.times import Timed, WordsDoNotFit, time_lyrics
from tests.support.places import DATA

TIMED = DATA / "timed"


class Case(NamedTuple):
    """A text in ``tests/data/timed``, and the song that it is timed for."""

    name: str
    bpm: float
    length_s: float | None = None

    @property
    def language(self) -> str:
        return self.name.partition("-")[0]


CASES = (
    Case("en-marks", 96, 150),
    Case("en-stanzas", 74),
    Case("en-uneven", 120, 95),
    Case("de-marks", 100),
    Case("de-long-words", 88, 95),
    Case("de-slow", 48),
    Case("es-marks", 92.5, 120),
    Case("es-stanzas", 128, 95),
    Case("es-fast", 174),
    Case("zh-marks", 80),
    Case("zh-stanzas", 66, 240),
    Case("zh-short", 104, 30),
)
WORDS = "[Verse]\none two three four five six\nseven eight nine ten\n\n[Chorus]\nla la la la\n"


def timed(case: Case) -> Timed:
    text = (TIMED / f"{case.name}.txt").read_bytes()
    return time_lyrics(read_lyrics(text), bpm=case.bpm, length_s=case.length_s, language=case.language)


def starts_of_sections(lyrics: Lyrics) -> list[float]:
    return [line.start_s for line in lyrics.lines if line.section]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_times_are_those_that_recipes_were_made_with(case: Case) -> None:
    result = timed(case)
    recorded = (TIMED / f"{case.name}.lrc").read_text()
    assert replace(result.lyrics, tags={LENGTH: length_tag(result.length_s)}).to_lrc(with_tags=True) == recorded


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_line_is_singable_and_none_overlaps(case: Case) -> None:
    result = timed(case)
    lines = result.lyrics.lines
    ends_s = [line.start_s for line in lines[1:]] + [result.length_s]
    for line, end_s in zip(lines, ends_s, strict=True):
        assert end_s - line.start_s >= 0.25
        if line.text:
            assert 2 <= count_syllables(line.text, case.language) / (end_s - line.start_s) <= 6, line
    assert not singing_rate_warnings(result.lyrics, length_s=result.length_s, language=case.language)
    assert result.sung_until_s <= result.length_s - 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_sections_start_on_bars_and_lines_on_half_bars(case: Case) -> None:
    result = timed(case)
    bar_s = 240 / case.bpm
    for start_s in starts_of_sections(result.lyrics):
        assert abs(start_s / bar_s - round(start_s / bar_s)) * bar_s < 0.0051
    for line in result.lyrics.sung:
        assert abs(2 * line.start_s / bar_s - round(2 * line.start_s / bar_s)) * bar_s / 2 < 0.0051


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_words_marks_and_line_numbers_stay(case: Case) -> None:
    text = read_lyrics((TIMED / f"{case.name}.txt").read_bytes())
    result = timed(case)
    before = [(line.text, line.section, line.line) for line in text.lines if line.text or line.section]
    after = [(line.text, line.section, line.line) for line in result.lyrics.lines if line.text or line.section]
    assert after == before
    assert stored_lyrics(result.lyrics.to_lrc()).digest == result.lyrics.digest


def test_sections_are_multiples_of_four_bars_apart_and_short_ones_two() -> None:
    starts_s = starts_of_sections(timed(Case("en-marks", 96)).lyrics)
    bars = [round(start_s / 2.5) for start_s in starts_s]
    assert [after - before for before, after in pairwise(bars)] == [4, 2, 8, 4, 2, 8, 2]


def test_the_length_that_the_words_need_is_enough_and_stated_in_whole_seconds() -> None:
    free = time_lyrics(read_lyrics(WORDS), bpm=97)
    assert free.length_s == int(free.length_s)
    assert time_lyrics(read_lyrics(WORDS), bpm=97, length_s=free.length_s).lyrics.digest == free.lyrics.digest


def test_a_longer_song_gets_instrumental_bars_first_and_then_longer_lines() -> None:
    usual, longer, wide = (
        time_lyrics(read_lyrics(WORDS), bpm=120, length_s=length_s).lyrics.sung for length_s in (24, 36, 90)
    )
    assert [line.start_s for line in usual] == [8, 10, 12]
    assert [line.start_s for line in longer] == [16, 18, 20]
    assert [line.start_s for line in wide] == [16, 20, 24]


def test_words_that_do_not_fit_name_the_length_and_the_tempo_at_which_they_do() -> None:
    lyrics = read_lyrics("\n".join(["one two three four five six seven eight nine ten"] * 8))
    with pytest.raises(WordsDoNotFit) as caught:
        time_lyrics(lyrics, bpm=70, length_s=25)
    error = caught.value
    assert "need at least" in error.what
    assert f"{error.usual_s:g} s" in error.remedy
    assert time_lyrics(lyrics, bpm=70, length_s=error.least_s).length_s == error.least_s
    with pytest.raises(WordsDoNotFit):
        time_lyrics(lyrics, bpm=70, length_s=error.least_s - 4)
    assert error.faster_bpm is not None
    assert time_lyrics(lyrics, bpm=error.faster_bpm, length_s=25).length_s == 25
    with pytest.raises(WordsDoNotFit) as caught:
        time_lyrics(lyrics, bpm=70, length_s=10)
    assert caught.value.faster_bpm is None


def test_what_cannot_be_timed_says_so() -> None:
    with pytest.raises(InputError, match="have times"):
        time_lyrics(read_lyrics("[00:01.00]a"), bpm=96)
    for without_words in (Lyrics((), timed=False), read_lyrics("[Verse]\n\n[Solo]\n")):
        with pytest.raises(InputError, match="no line has words"):
            time_lyrics(without_words, bpm=96)
    with pytest.raises(InputError, match="more than 1000 lines"):
        time_lyrics(read_lyrics("go\n" * 900), bpm=96)


def test_a_mark_on_a_line_of_its_own_begins_with_the_words_after_it() -> None:
    apart = Lyrics((LyricLine(0.0, "", 1, "Verse"), LyricLine(0.0, "words here", 2)), timed=False)
    (line,) = time_lyrics(apart, bpm=120).lyrics.sung
    assert (line.start_s, line.section, line.line) == (8, "Verse", 2)


def test_the_longest_line_with_a_mark_can_be_read_back() -> None:
    words = " ".join(["la"] * 100)[:MAX_LINE_CHARACTERS]
    result = time_lyrics(read_lyrics(f"[Verse: {'x' * 70}]\n{words}\n[Verse]\n{words}"), bpm=96)
    assert stored_lyrics(result.lyrics.to_lrc()) == replace(result.lyrics, tags={})


texts = st.lists(
    st.one_of(
        st.sampled_from(["", "[Verse]", "[Chorus]", "[Solo]", "(Bridge)", "…", "Go", "Hold on"]),
        st.lists(st.sampled_from(["la", "over", "tomorrow", "夜", "Straßen"]), min_size=1, max_size=30).map(" ".join),
    ),
    min_size=1,
    max_size=40,
).filter(lambda lines: any(line and not line.startswith(("[", "(")) for line in lines))


@given(texts, st.floats(30, 300), st.one_of(st.none(), st.floats(10, 285)), st.sampled_from(["en", "de", "zh"]))
def test_any_text_at_any_tempo_is_singable_or_does_not_fit(
    lines: list[str], bpm: float, length_s: float | None, language: str
) -> None:
    lyrics = read_lyrics("\n".join(lines))
    needed_s = time_lyrics(lyrics, bpm=bpm, language=language).length_s
    try:
        result = time_lyrics(lyrics, bpm=bpm, length_s=length_s, language=language)
    except WordsDoNotFit:
        assert length_s is not None
        assert needed_s > length_s
        return
    assert length_s is None or result.length_s == length_s
    starts_s = [line.start_s for line in result.lyrics.lines]
    for line, end_s in zip(result.lyrics.lines, [*starts_s[1:], result.length_s], strict=True):
        assert end_s > line.start_s
        if syllables := count_syllables(line.text, language):
            assert 1.99 <= syllables / (end_s - line.start_s) <= 6
    bar_s = 240 / bpm
    for start_s in starts_of_sections(result.lyrics):
        assert abs(start_s / bar_s - round(start_s / bar_s)) * bar_s < 0.0051
    assert stored_lyrics(result.lyrics.to_lrc()).digest == result.lyrics.digest
