"""Bars of written notes: each is full, nothing is lost, and notes stand where they are sung."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings

from catalog.notation.lead_sheet import LeadSheet, MelodyNote
from tasks.engines.guide.genres.library import GENRES
from tasks.notation.measures import Measure, measures
from tasks.notation.notes import NAMES, NAMES_IN_THIRDS
from tasks.notation.quantise import BAR, TICKS, written
from tests.support.lead_sheets import guide_sheet, sheets

EIGHTH_OF_A_BEAT = 0.126
SWUNG = 0.25
"""Beats by which a written note may be off: half a sixteenth, or what a swung eighth is moved."""


def check_bars(sheet: LeadSheet) -> tuple[Measure, ...]:
    """What holds for any sheet: full bars of values that can be written, and each note whole, once."""
    on_grid = written(sheet)
    bars = measures(on_grid)
    for bar in bars:
        assert bar.ticks == BAR or bar.number == 0
        assert sum(value.ticks for value in bar.values) == bar.ticks
        assert [value.start for value in bar.values] == [
            bar.start + sum(value.ticks for value in bar.values[:index]) for index in range(len(bar.values))
        ]
    values = [value for bar in bars for value in bar.values]
    assert all(value.ticks in NAMES or (value.in_thirds and value.ticks in NAMES_IN_THIRDS) for value in values)
    assert [value.note.note for value in values if value.note and value.is_first] == list(sheet.melody)
    for note in on_grid.notes:
        assert sum(value.ticks for value in values if value.note is note) == note.end - note.start
    assert all(before.end <= after.start for before, after in pairwise(on_grid.notes))
    return bars


@settings(max_examples=200, deadline=None)
@given(sheets())
def test_bars_of_any_melody_are_full(sheet: LeadSheet) -> None:
    check_bars(sheet)


@pytest.mark.parametrize("genre", GENRES)
def test_notes_of_a_song_stand_where_they_are_sung(genre: str) -> None:
    for bpm, key in ((64.0, "C major"), (97.3, "F# minor"), (140.0, "Eb major")):
        sheet = guide_sheet(bpm=bpm, key=key, settings={"genre": genre})
        check_bars(sheet)
        on_grid = written(sheet)
        limit = SWUNG if on_grid.is_swung else EIGHTH_OF_A_BEAT
        off = [
            abs(note.start / TICKS - (note.note.start_s - sheet.first_bar_s) / sheet.beat_s) for note in on_grid.notes
        ]
        assert sum(beats <= limit for beats in off) >= 0.97 * len(off)
        assert max(off) <= 0.5


def test_triplets_and_swing_are_told_apart() -> None:
    def tune(places: list[float]) -> LeadSheet:
        starts = [beat + place for beat in range(8) for place in places]
        spans = pairwise([*starts, 8.0])
        notes = [MelodyNote(start_s=start / 2, end_s=end / 2, pitch=60) for start, end in spans]
        return LeadSheet(bpm=120, first_bar_s=0, key="C major", length_s=4, melody=tuple(notes))

    triplets = measures(written(tune([0, 1 / 3, 2 / 3])))
    assert [value.ticks for value in triplets[0].values] == [8] * 12
    swung = written(tune([0, 2 / 3]))
    assert swung.is_swung
    assert [value.ticks for value in measures(swung)[0].values] == [12] * 8
    assert not written(tune([0, 0.5])).is_swung


def test_what_is_sung_before_the_first_bar_line_is_a_pick_up() -> None:
    notes = tuple(
        MelodyNote(start_s=start_s, end_s=start_s + 0.5, pitch=60, text="la") for start_s in (0.5, 1.0, 1.5, 2.0)
    )
    bars = check_bars(LeadSheet(bpm=120, first_bar_s=1.5, key="C major", length_s=4, melody=notes))
    assert [(bar.number, bar.ticks) for bar in bars] == [(0, 3 * TICKS), (1, BAR)]
    assert [value.note is None for value in bars[0].values] == [True, False, False]


@pytest.mark.parametrize(
    ("start", "end", "ticks"),
    [
        (0, 4, [96]), (0, 1.5, [36, 12, 48]), (0.5, 1.5, [12, 24, 12, 48]), (1.5, 2.5, [24, 12, 12, 12, 12, 24]),
        (1, 3, [24, 48, 24]), (0.25, 1, [6, 18, 24, 48]), (3, 5, [48, 24, 24]), (0, 3, [72, 24]),
    ],
)  # fmt: skip
def test_values_show_the_beats(start: float, end: float, ticks: list[int]) -> None:
    note = MelodyNote(start_s=start / 2, end_s=end / 2, pitch=60)
    bar = check_bars(LeadSheet(bpm=120, first_bar_s=0, key="C major", length_s=4, melody=(note,)))[0]
    assert [value.ticks for value in bar.values] == ticks
