"""The drawing of a lead sheet: shapes and text only, whole, and the same every time."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings

from catalog.notation.lead_sheet import LeadSheet
from tasks.notation.engraving import engraved
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
