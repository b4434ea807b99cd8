"""The form of a song: by section marks, by words and gaps, and what plays in it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.lyrics.lyrics import LyricLine, Lyrics
from tasks.engines.guide.arrangement.arrange import arrange
from tasks.engines.guide.arrangement.score import Arrangement, Note, Section
from tests.support.guide_songs import CHORUS, Row, recipe, song_lines

WAYS = ("down the road", "across the sea", "under stars", "into town", "over hills", "past the mill", "by the well")


def kinds(arrangement: Arrangement) -> list[str]:
    return [section.kind for section in arrangement.sections]


def notes_of(arrangement: Arrangement, name: str, section: Section, *, bars: int | None = None) -> list[Note]:
    """The notes of a part that begin in a section, or in its first bars."""
    end_bar = section.end_bar if bars is None else section.first_bar + bars
    start_s, end_s = arrangement.grid.time_s(section.first_bar) - 0.02, arrangement.grid.time_s(end_bar) - 0.02
    parts = [part for part in arrangement.parts if part.name == name]
    return [note for part in parts for note in part.notes if start_s <= note.start_s < end_s]


def stanzas(*texts: Sequence[str], start_s: float = 8.0, gap_s: float = 6.0) -> list[Row]:
    """Stanzas of lines every four seconds with a longer gap after each."""
    rows: list[Row] = []
    for text in texts:
        for line in text:
            rows.append((start_s, line))
            start_s += 4.0
        start_s += gap_s
    return rows


def verse(number: int) -> tuple[str, ...]:
    return tuple(f"we walked {WAYS[number]} and {line}" for line in ("so", "far", "in", "May"))


def test_the_form_follows_gaps_and_repeated_words() -> None:
    arrangement = arrange(recipe(song_lines(), length_s=145.0))
    assert kinds(arrangement) == ["intro", "verse", "chorus", "verse", "chorus", "bridge", "chorus", "outro"]
    assert [len(section.lines) for section in arrangement.sections] == [0, 4, 4, 4, 4, 4, 4, 0]


def test_section_marks_tell_the_form() -> None:
    marks = {2.0: "Verse 1", 6.0: "", 10.0: "Pre-Chorus", 14.0: "Refrain", 18.0: "", 22.0: "Bridge", 26.0: "Hook"}
    lines = tuple(LyricLine(start_s, f"line at {start_s:g}", section=mark) for start_s, mark in marks.items())
    rest = LyricLine(30.0, "", section="Guitar solo")
    arrangement = arrange(recipe(lyrics=Lyrics((*lines, rest)), length_s=60.0))
    sung = [(section.kind, len(section.lines)) for section in arrangement.sections if section.kind != "intro"]
    assert sung == [
        ("verse", 2),
        ("pre-chorus", 1),
        ("chorus", 2),
        ("bridge", 1),
        ("chorus", 1),
        ("solo", 0),
        ("outro", 0),
    ]


def test_a_first_verse_that_comes_again_is_a_verse() -> None:
    rows = stanzas(verse(0), verse(1), verse(2), verse(0))
    assert kinds(arrange(recipe(rows, length_s=105.0)))[1:5] == ["verse", "verse", "bridge", "verse"]


def test_a_verse_that_comes_again_before_every_chorus_is_no_chorus() -> None:
    rows = stanzas(verse(0), CHORUS, verse(1), CHORUS, verse(0), CHORUS, verse(1), CHORUS)
    sung = [section.kind for section in arrange(recipe(rows, length_s=160.0)).sections if section.lines]
    assert sung == ["verse", "chorus"] * 4


def test_words_that_always_lead_to_the_chorus_are_a_pre_chorus() -> None:
    lead = ("And when the lights go down", "And when the last train leaves")
    rows = stanzas(verse(0), lead, CHORUS, verse(1), lead, CHORUS)
    sung = [section.kind for section in arrange(recipe(rows, length_s=160.0)).sections if section.lines]
    assert sung == ["verse", "pre-chorus", "chorus"] * 2


def test_a_song_may_begin_with_its_chorus() -> None:
    rows = stanzas(CHORUS, verse(0), CHORUS, verse(1), CHORUS)
    sung = [section.kind for section in arrange(recipe(rows, length_s=120.0)).sections if section.lines]
    assert sung[:3] == ["chorus", "verse", "chorus"]
    assert sung[-1] == "chorus"


def test_a_stanza_half_of_which_comes_again_stays_whole() -> None:
    choruses = [("Take the long way home", f"{way} I go", "the last bus", "all alone") for way in WAYS[:2]]
    rows = stanzas(verse(0), choruses[0], verse(1), choruses[1])
    sung = [(section.kind, len(section.lines)) for section in arrange(recipe(rows, length_s=110.0)).sections]
    assert [each for each in sung if each[1]] == [("verse", 4), ("chorus", 4)] * 2


def test_lines_without_gaps_part_into_fours() -> None:
    rows = [(8.0 + 4 * index, f"one more line {index}") for index in range(16)]
    lines = [len(section.lines) for section in arrange(recipe(rows, length_s=90.0)).sections if section.lines]
    assert lines == [4, 4, 4, 4]


def test_a_long_gap_is_played() -> None:
    rows = [(10.0 + 4 * index, f"first words {index}") for index in range(4)]
    short = [(36.0 + 4 * index, f"other words {index}") for index in range(4)]
    long = [(60.0 + 4 * index, f"other words {index}") for index in range(4)]
    assert kinds(arrange(recipe([*rows, *short], length_s=60.0))) == ["intro", "verse", "interlude", "chorus", "outro"]
    played = arrange(recipe([*rows, *long], length_s=90.0))
    assert kinds(played) == ["intro", "verse", "chorus", "solo", "chorus", "outro"]
    assert notes_of(played, "lead", played.sections[3])


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.floats(20, 285), st.floats(60, 180), st.integers(1, 6), st.floats(0, 40))
def test_an_outro_ends(length_s: float, bpm: float, count: int, start_s: float) -> None:
    rows = stanzas(*[CHORUS if index % 2 else verse(index) for index in range(count)], start_s=round(start_s, 2))
    kept = [(at_s, text) for at_s, text in rows if at_s < length_s - 1] or [(0.0, "Oh")]
    arrangement = arrange(recipe(kept, bpm=round(bpm, 1), length_s=round(length_s, 2)))
    first, last = arrangement.sections[0], arrangement.sections[-1]
    assert last.kind == "outro"
    assert last.bars <= 9
    assert first.kind != "intro" or first.bars <= 8


def test_the_chorus_has_other_chords_a_higher_tune_and_more_notes() -> None:
    arrangement = arrange(recipe(song_lines(), length_s=145.0))
    verse_, chorus = arrangement.sections[1:3]
    bars = min(verse_.bars, chorus.bars)
    roots = [[note.pitch for note in notes_of(arrangement, "bass", each, bars=bars)] for each in (verse_, chorus)]
    assert roots[0] != roots[1]
    means = []
    for section in (verse_, chorus):
        begin, end = section.lines[0].start_s, section.lines[-1].end_s
        tune = next(part for part in arrangement.parts if part.name == "vocals").notes
        pitches = [note.pitch for note in tune if begin <= note.start_s < end]
        means.append(sum(pitches) / len(pitches))
    assert means[1] > means[0] + 2
    for name in ("drums", "bass"):
        assert len(notes_of(arrangement, name, chorus, bars=4)) > len(notes_of(arrangement, name, verse_, bars=4))


def test_the_band_grows_and_shrinks_with_the_form() -> None:
    rows = stanzas(verse(0), CHORUS * 2, verse(1), CHORUS * 2, verse(2), CHORUS * 2, gap_s=2.0)
    arrangement = arrange(recipe(rows, length_s=130.0))
    by_kind = {(section.kind, section.number): section for section in arrangement.sections}
    first, second = by_kind["verse", 1], by_kind["verse", 2]
    assert not notes_of(arrangement, "pad", first)
    assert not notes_of(arrangement, "pluck", first)
    assert notes_of(arrangement, "pluck", second)
    assert notes_of(arrangement, "pad", by_kind["chorus", 1])
    bridge = by_kind["bridge", 1]
    assert len(notes_of(arrangement, "drums", bridge, bars=2)) == 0
    strongest = [
        max(note.velocity for note in notes_of(arrangement, "chords", by_kind["chorus", number])) for number in (1, 3)
    ]
    assert strongest[1] > strongest[0]


def test_drums_rise_to_a_chorus_and_crash_into_it() -> None:
    arrangement = arrange(recipe(song_lines(), length_s=145.0, prompt="rock"))
    for before, section in zip(arrangement.sections, arrangement.sections[1:], strict=False):
        if section.kind == "chorus":
            assert any(note.pitch == 49 for note in notes_of(arrangement, "drums", section, bars=1))
            last = Section(before.kind, before.end_bar - 1, before.end_bar)
            plain = Section(before.kind, before.first_bar + 1, before.first_bar + 2)
            snares = [sum(note.pitch == 38 for note in notes_of(arrangement, "drums", each)) for each in (last, plain)]
            assert snares[0] > snares[1]


@pytest.mark.parametrize(("genre", "is_long"), [("ballad", True), ("rock", False)])
def test_the_last_chord_rings_or_stops(genre: str, is_long: bool) -> None:
    arrangement = arrange(recipe(song_lines(), length_s=145.0, settings={"genre": genre}))
    final_s = arrangement.grid.time_s(arrangement.sections[-1].end_bar - 1)
    lasts = [note.duration_s for note in notes_of_all(arrangement) if note.start_s >= final_s - 0.02]
    assert (max(lasts) > 1.5 * arrangement.grid.beat_s) == is_long


def notes_of_all(arrangement: Arrangement) -> list[Note]:
    return [note for part in arrangement.parts if part.name in ("bass", "chords", "pad") for note in part.notes]
