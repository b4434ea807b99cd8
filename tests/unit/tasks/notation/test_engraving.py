"""The drawing of a lead sheet: shapes and text only, whole, and the same every time."""

from __future__ import annotations

import unicodedata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings

from catalog.notation.lead_sheet import ChordSpan, FormSpan, LeadSheet
from tasks.notation.engraving import engraved
from tasks.notation.measures import measures
from tasks.notation.quantise import written
from tasks.notation.systems import line_starts
from tests.support.lead_sheets import HEAD, HOSTILE, guide_sheet, sheets

ALLOWED = {
    "svg",
    "title",
    "style",
    "defs",
    "g",
    "path",
    "polygon",
    "polyline",
    "rect",
    "ellipse",
    "use",
    "text",
    "tspan",
}
SVG = "{http://www.w3.org/2000/svg}"


def check_drawing(data: bytes) -> ET.Element:
    """Nothing that runs, loads or links; no sign that only a music font has."""
    root = ET.fromstring(data)
    assert {element.tag for element in root.iter()} <= {SVG + name for name in ALLOWED}
    for element in root.iter():
        assert not any(name.startswith("on") or "}" in name for name in element.attrib)
        assert element.get("href", "#").startswith("#")
        text = element.text or ""
        assert not any(unicodedata.category(character) == "Co" for character in text)
    style = root.findtext(f"{SVG}style") or ""
    assert "url(" not in style
    assert "@import" not in style
    return root


def texts(root: ET.Element) -> list[str]:
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


def test_no_two_chords_touch_in_a_line_of_rests_be_it_the_last() -> None:
    symbols = ("Bbmaj7/D", "C7sus4", "F#m7b5", "Ebmaj9/G", "C13", "Dm7b5", "G7b13", "Cm(maj7)")
    chords = tuple(ChordSpan(start_s=at, end_s=at + 1, symbol=symbols[at % 8]) for at in range(16))
    form = (FormSpan(start_s=0, end_s=8, kind="intro"), FormSpan(start_s=8, end_s=16, kind="outro"))
    sheet = LeadSheet(bpm=120, first_bar_s=0, key="Bb major", length_s=16, chords=chords, sections=form)
    lines: dict[str, list[tuple[float, float]]] = {}
    for text in check_drawing(engraved(sheet, HEAD)).iter(f"{SVG}text"):
        if (text.text or "")[:1] in "ABCDEFG" and (text.text or "")[1:2] in "♭♯m71":
            end = float(text.attrib["x"]) + 0.5 * float(text.attrib["font-size"][:-2]) * len(text.text or "")
            lines.setdefault(text.attrib["y"], []).append((float(text.attrib["x"]), end))
    assert [len(line) for line in lines.values()] == [8, 8]
    for line in lines.values():
        assert all(end < start for (_, end), (start, _) in pairwise(line))


def test_a_song_is_drawn_with_its_words_chords_and_sections() -> None:
    sheet = guide_sheet(key="F# minor")
    data = engraved(sheet, HEAD)
    assert data == engraved(sheet, HEAD)
    root = check_drawing(data)
    assert root.get("width") == "210mm"
    frames = [box for box in root.iter(f"{SVG}rect") if box.get("fill-opacity") == "0"]
    assert len(frames) == len(sheet.sections)
    found = texts(root)
    for text in (HEAD.title, "Verse 1", "Chorus 2", "F♯m", "♩\u00a0=\u00a097.3", "rowed"):
        assert text in found
    drawn_words = [text for text in found if text in {note.text for note in sheet.melody if note.text}]
    assert len(drawn_words) >= sum(bool(note.text) for note in sheet.melody)


def test_lines_have_four_bars_and_fewer_where_words_or_sections_ask_for_it() -> None:
    def bars_a_line(sheet: LeadSheet) -> list[int]:
        on_grid = written(sheet)
        bars = measures(on_grid)
        begins = [bar.number in line_starts(bars, on_grid) or index == 0 for index, bar in enumerate(bars)]
        places = [index for index, is_first in enumerate(begins) if is_first]
        return [end - start for start, end in pairwise([*places, len(bars)])]

    plain = guide_sheet([], length_s=64.0, bpm=120.0)
    wordless = plain.model_copy(update={"melody": (), "sections": ()})
    assert set(bars_a_line(wordless)[:-1]) == {4}
    rows = [(start_s, "Everything's borrowed throughout yesterday's thunder") for start_s in (4.0, 8.0, 12.0, 16.0)]
    assert max(bars_a_line(guide_sheet(rows, length_s=24.0, bpm=120.0))) < 4


def test_the_longest_song_is_drawn_to_its_end() -> None:
    sheet = guide_sheet(bpm=180.0)
    far = tuple(
        note.model_copy(update={"start_s": note.start_s + 130 * turn, "end_s": note.end_s + 130 * turn})
        for turn in range(6)
        for note in sheet.melody
    )
    root = check_drawing(engraved(sheet.model_copy(update={"melody": far, "length_s": 800.0}), HEAD))
    assert texts(root).count("rowed") == 6 * sum(note.text == "rowed" for note in sheet.melody)


@settings(max_examples=15, deadline=None)
@given(sheets())
def test_any_sheet_can_be_drawn(sheet: LeadSheet) -> None:
    check_drawing(engraved(sheet, HEAD))


@pytest.mark.parametrize("title", [HOSTILE, "", "夜行バス", "ليل"])
def test_hostile_titles_are_text(title: str) -> None:
    check_drawing(engraved(guide_sheet([(1.0, "la la")], length_s=12.0), replace(HEAD, title=title, composer=title)))


def test_several_threads_draw_the_same_as_one() -> None:
    drawn = [guide_sheet(bpm=bpm) for bpm in (97.3, 120.0)]
    alone = [engraved(sheet, HEAD) for sheet in drawn]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda sheet: engraved(sheet, HEAD), drawn * 6)) == alone * 6
