"""The words of a song with its chords: when each syllable begins, which chord stands over it, where sections begin."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.notation.lead_sheet import ChordSpan, FormSpan, LeadSheet, MelodyNote
from catalog.release.listening_page.chart import charted, marked_sections, sheet_sections
from catalog.release.listening_page.view import LyricView, SectionView, SyllableView

LINES = (LyricView(5.0, "Running home,", "Verse 1"), LyricView(9.0, "oh (the light)"), LyricView(11.0, ""))


def note(start_s: float, text: str, line: int, *, joined: bool = False, length_s: float = 0.5) -> MelodyNote:
    return MelodyNote(start_s=start_s, end_s=start_s + length_s, pitch=69, text=text, joined=joined, line=line)


MELODY = (
    note(5.0, "Run", 0, joined=True),
    note(5.5, "ning", 0),
    note(6.5, "home,", 0, length_s=1.5),
    note(9.0, "oh", 1),
    note(9.5, "(the", 1),
    note(10.0, "light)", 1),
)


def sheet(*chords: tuple[float, str], melody: tuple[MelodyNote, ...] = MELODY, **changes: Any) -> LeadSheet:
    """120 BPM, bars of two seconds from 1 s on: intro to 5 s, verse to 13 s, outro to 20 s; each chord lasts to the
    next one."""
    ends_s = [*(start_s for start_s, _ in chords), 25.0][1:]
    fields: dict[str, Any] = {
        "bpm": 120.0,
        "first_bar_s": 1.0,
        "key": "A minor",
        "length_s": 20.0,
        "melody": melody,
        "chords": tuple(
            ChordSpan(start_s=start_s, end_s=end_s, symbol=symbol)
            for (start_s, symbol), end_s in zip(chords, ends_s, strict=True)
        ),
        "sections": (
            FormSpan(start_s=1.0, end_s=5.0, kind="intro"),
            FormSpan(start_s=5.0, end_s=13.0, kind="verse"),
            FormSpan(start_s=13.0, end_s=20.0, kind="outro"),
        ),
    }
    return LeadSheet(**{**fields, **changes})


def chart(*chords: tuple[float, str], head_s: float = 0.0, **changes: Any) -> tuple[LyricView, ...]:
    lines = tuple(replace(line, start_s=(line.start_s or 0) - head_s) for line in LINES)
    return charted(lines, sheet(*chords, **changes), head_s=head_s, duration_s=20.0 - head_s)


def over(row: LyricView) -> dict[str, str]:
    return {syllable.text: syllable.chord for syllable in row.syllables if syllable.chord}


def test_each_syllable_begins_with_its_note() -> None:
    running, light, _ = chart()
    assert running.syllables == (
        SyllableView(5.0, "Run"), SyllableView(5.5, "ning"), SyllableView(6.5, "home,", " "),
    )  # fmt: skip
    assert (running.start_s, running.end_s) == (5.0, 8.0)
    assert [syllable.text for syllable in light.syllables] == ["oh", "(the", "light)"]


def test_the_head_that_the_master_lacks_is_taken_off_every_time() -> None:
    running, light, outro = chart((5.0, "Am"), head_s=0.75)
    assert [syllable.start_s for syllable in running.syllables] == [4.25, 4.75, 5.75]
    assert (running.end_s, light.start_s, outro.start_s) == (7.25, 8.25, 12.25)
    assert over(running) == {"Run": "Am"}


def test_a_line_with_other_words_stays_whole() -> None:
    other = (*MELODY[:3], note(9.0, "no", 1), note(9.5, "such", 1))
    running, light, _ = chart((9.0, "F"), melody=other)
    assert [syllable.text for syllable in running.syllables] == ["Run", "ning", "home,"]
    assert [(syllable.text, syllable.chord) for syllable in light.syllables] == [("oh (the light)", "F")]


def test_all_chords_of_a_line_with_other_words_stand_over_it() -> None:
    other = (*MELODY[:3], note(9.0, "no", 1), note(9.5, "such", 1))
    light = chart((9.0, "F"), (10.0, "G"), melody=other)[1]
    assert [(syllable.text, syllable.chord) for syllable in light.syllables] == [("oh (the light)", "F G")]


def test_the_further_notes_of_a_syllable_do_not_cut_it() -> None:
    melody = (*MELODY[:2], note(6.5, "home,", 0), note(7.0, "", 0), *MELODY[3:])
    running = chart(melody=melody)[0]
    assert [syllable.text for syllable in running.syllables] == ["Run", "ning", "home,"]
    assert running.end_s == 7.5


@pytest.mark.parametrize(
    ("at_s", "syllable"),
    [(5.0, "Run"), (5.03, "Run"), (5.35, "ning"), (5.55, "ning"), (6.3, "home,"), (7.0, "home,")],
    ids=["with it", "just after", "before the next", "with the next", "after a rest", "while it is held"],
)
def test_a_chord_stands_over_the_syllable_with_which_it_begins(at_s: float, syllable: str) -> None:
    assert over(chart((at_s, "Am"))[0]) == {syllable: "Am"}


def test_a_chord_before_a_line_stands_over_its_first_syllable() -> None:
    assert over(chart((8.5, "Dm7"))[1]) == {"oh": "Dm7"}


def test_chords_of_a_short_gap_stand_behind_the_words() -> None:
    running = chart((5.0, "Am"), (7.3, "E7"), melody=(*MELODY[:2], note(6.5, "home,", 0), *MELODY[3:]))[0]
    assert [(syllable.text, syllable.chord) for syllable in running.syllables][-1] == ("", "E7")
    assert "".join(syllable.before + syllable.text for syllable in running.syllables).strip() == "Running home,"


def test_a_chord_that_begins_a_section_stands_over_its_first_line() -> None:
    forms = (FormSpan(start_s=1.0, end_s=7.5, kind="verse"), FormSpan(start_s=7.5, end_s=20.0, kind="chorus"))
    melody = (*MELODY[:2], note(6.5, "home,", 0), *MELODY[3:])
    running, light = chart((5.0, "Am"), (7.5, "C"), melody=melody, sections=forms)[:2]
    assert (over(running), over(light)) == ({"Run": "Am"}, {"oh": "C"})


def test_a_single_chord_between_two_lines_has_no_row_of_its_own() -> None:
    rows = chart((5.0, "Am"), (7.2, "E7"), melody=(*MELODY[:2], note(5.9, "home,", 0, length_s=0.2), *MELODY[3:]))
    behind = [(each.text, each.chord) for each in rows[0].syllables if each.chord]
    assert behind == [("Run", "Am"), ("", "E7")]
    assert rows[1].text == "oh (the light)"


def test_passages_without_words_have_rows_of_chords_by_section() -> None:
    rows = chart((1.0, "Am"), (3.0, "F"), (5.0, "C"), (9.0, "G"), (13.0, "Am"), (15.0, "F"), (17.0, "E7"))
    told = [(row.section, row.text, [each.text for each in row.syllables]) for row in rows]
    assert told == [
        ("Intro", "", ["Am", "F"]),
        ("Verse 1", "Running home,", ["Run", "ning", "home,"]),
        ("", "oh (the light)", ["oh", "(the", "light)"]),
        ("Outro", "", ["Am", "F", "E7"]),
    ]
    assert [row.start_s for row in rows] == [1.0, 5.0, 9.0, 13.0]


def test_a_song_without_words_has_its_chords_by_section() -> None:
    rows = charted((), sheet((1.0, "Am"), (5.0, "F"), (7.0, "G"), (13.0, "Am"), melody=()), head_s=0, duration_s=20.0)
    assert [(row.section, [each.text for each in row.syllables]) for row in rows] == [
        ("Intro", ["Am"]), ("Verse", ["F", "G"]), ("Outro", ["Am"]),
    ]  # fmt: skip


def test_a_chord_that_goes_on_is_said_once_a_section() -> None:
    rows = chart((1.0, "Am"), (3.0, "Am"), (9.0, "Am"))
    said = [each.chord or each.text for row in rows for each in row.syllables if each.chord or not row.text]
    assert said == ["Am", "Am", "Am"], "over the intro, the verse and the outro"


def test_without_a_lead_sheet_the_lines_are_as_before() -> None:
    assert charted(LINES, None, head_s=0, duration_s=20.0) == LINES
    plain = (LyricView(None, "Never timed"), *LINES)
    assert charted(plain, sheet(melody=()), head_s=0, duration_s=20.0) == plain


def test_room_is_made_where_two_chords_would_touch() -> None:
    crowded = chart((5.0, "F#m7b5/C"), (5.5, "Am"))[0].syllables
    assert crowded[0].room > 0
    assert chart((5.0, "Am"), (6.5, "F"))[0].syllables[0].room == 0


def test_sections_have_the_labels_of_the_lyrics_and_the_times_of_the_lead_sheet() -> None:
    assert sheet_sections(LINES, sheet(), head_s=1.5, duration_s=18.0) == (
        SectionView(0.0, 3.5, "intro", "Intro"),
        SectionView(3.5, 11.5, "verse", "Verse 1"),
        SectionView(11.5, 18.0, "outro", "Outro"),
    )


def test_sections_without_labels_of_the_same_kind_are_numbered() -> None:
    forms = tuple(
        FormSpan(start_s=float(at), end_s=at + 5.0, kind=kind)
        for at, kind in ((0, "verse"), (5, "chorus"), (10, "verse"), (15, "outro"))
    )
    labels = [section.label for section in sheet_sections((), sheet(sections=forms), head_s=0, duration_s=20)]
    assert labels == ["Verse 1", "Chorus", "Verse 2", "Outro"]


def test_words_are_not_torn_by_their_chords() -> None:
    """Room is made after a word, in Chinese between all letters, within a word with a hyphen."""
    after_word = chart((5.0, "F#m7b5/C"), (6.5, "Am"))[0].syllables
    assert [(syllable.room > 0, syllable.hyphen) for syllable in after_word] == [
        (False, False), (True, False), (False, False),
    ]  # fmt: skip
    within = chart((5.0, "F#m7b5/C"), (5.5, "Am"))[0].syllables
    assert (within[0].room > 0, within[0].hyphen) == (True, True)
    words = "夜里的列车"
    melody = tuple(note(5.0 + nth, word, 0) for nth, word in enumerate(words))
    lead_sheet = sheet((5.0, "Am"), (6.0, "G"), melody=melody)
    rows = charted((LyricView(5.0, words),), lead_sheet, head_s=0, duration_s=20)
    (line,) = (row for row in rows if row.text)
    assert line.spacing > 0
    assert len({syllable.hyphen for syllable in line.syllables}) == 1


def test_a_line_that_begins_before_its_section_is_of_that_section() -> None:
    early = (LyricView(4.4, "Running home,", "Chorus"), *LINES[1:])
    assert [section.label for section in sheet_sections(early, sheet(), head_s=0, duration_s=20)] == [
        "Intro", "Chorus", "Outro",
    ]  # fmt: skip


def test_marks_of_the_lyrics_are_sections_where_there_is_no_lead_sheet() -> None:
    lines = (LyricView(4.0, "a", "Strophe 1"), LyricView(6.0, "b"), LyricView(9.0, "c", "Refrain"), LyricView(12.0, ""))
    assert marked_sections(lines, duration_s=15.0) == (
        SectionView(4.0, 9.0, "verse", "Strophe 1"),
        SectionView(9.0, 15.0, "chorus", "Refrain"),
    )
    assert marked_sections((LyricView(None, "a", "Verse"),), duration_s=15.0) == ()


TIMES = st.lists(st.integers(0, 2000), min_size=1, max_size=40, unique=True).map(sorted)


@settings(max_examples=150, deadline=None)
@given(TIMES, TIMES, st.floats(0, 3), st.integers(1, 5))
def test_no_word_and_no_chord_is_lost(notes: list[int], chords: list[int], head_s: float, per_line: int) -> None:
    words = [f"w{nth}" for nth in range(len(notes))]
    groups = [range(at, min(at + per_line, len(words))) for at in range(0, len(words), per_line)]
    melody = tuple(
        MelodyNote(start_s=notes[nth] / 100, end_s=notes[nth] / 100, pitch=60, text=words[nth], line=line)
        for line, group in enumerate(groups)
        for nth in group
    )
    lines = tuple(
        LyricView(max(0, notes[group[0]] / 100 - head_s), " ".join(words[nth] for nth in group)) for group in groups
    )
    symbols = [(at / 100, f"C{nth}") for nth, at in enumerate(chords)]
    lead_sheet = sheet(*symbols, melody=melody, length_s=25.0)
    rows = charted(lines, lead_sheet, head_s=head_s, duration_s=25.0 - head_s)
    sung = [row for row in rows if row.text]
    assert ["".join(each.before + each.text for each in row.syllables).strip() for row in sung] == [
        line.text for line in lines
    ]
    shown = {name for row in rows for each in row.syllables for name in (each.chord if row.text else each.text).split()}
    audible = {symbol for (at, symbol), (end, _) in pairwise([*symbols, (25.0, "")]) if end - max(at, head_s) > 0.06}
    assert audible <= shown
    assert [row.start_s for row in rows] == sorted(row.start_s for row in rows if row.start_s is not None)
