"""The project of a workstation: everything at its time, every reference a file of the release, the same every time."""

from __future__ import annotations

import io
import zipfile
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings

from catalog.lyrics.reading import stored_lyrics
from catalog.notation.lead_sheet import LeadSheet
from catalog.notation.section_names import section_names
from tasks.delivery.musicians.arrangement import Project, StemFile, Timeline, plain_project, sheet_project
from tasks.delivery.musicians.dawproject import ProjectHead, dawproject
from tests.support.lead_sheets import HOSTILE, guide_sheet, sheets

STEMS = tuple(StemFile(name, f"stems/01 - A/{name}.wav") for name in ("mix", "vocals", "drums", "bass", "other"))
HEAD = ProjectHead("Last Bus Home", "Ada Vale", "Night Bus", "Ada Vale", "2026", "Pop", "Made with Songline.")


def opened(project: Project, head: ProjectHead = HEAD) -> tuple[ET.Element, ET.Element]:
    """``project.xml`` and ``metadata.xml``."""
    data = dawproject(project, head, version="0.1.0")
    assert data == dawproject(project, head, version="0.1.0")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["project.xml", "metadata.xml"]
        return ET.fromstring(archive.read("project.xml")), ET.fromstring(archive.read("metadata.xml"))


def check_references(root: ET.Element) -> None:
    """Each name is given once; each track, channel and destination that is named exists."""
    given_ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(set(given_ids)) == len(given_ids)
    for element in root.iter():
        for name in ("track", "destination"):
            assert element.get(name) is None or element.get(name) in given_ids


def lanes_of(root: ET.Element) -> dict[str, ET.Element]:
    """The lanes of each track by its name."""
    names = {track.get("id"): track.get("name") or "" for track in root.iter("Track")}
    return {names[lanes.get("track")]: lanes for lanes in root.iter("Lanes") if lanes.get("track")}


def test_a_song_lies_on_the_timeline_as_it_sounds() -> None:
    sheet = guide_sheet(bpm=97.3)
    assert sheet.first_bar_s > 0
    root, metadata = opened(sheet_project(sheet, rate=44_100, length_s=130.0, stems=STEMS))
    check_references(root)
    transport = root.find("Transport")
    assert transport is not None
    assert float(transport.find("Tempo").get("value")) == 97.3
    lanes = lanes_of(root)
    assert list(lanes) == ["Mix", "Vocals", "Drums", "Bass", "Other", "Melody", "Chords"]
    beat_s = 60 / 97.3
    for name in ("Mix", "Vocals", "Drums"):
        (clip,) = lanes[name].iter("Clip")
        start = float(clip.get("time"))
        assert start >= 0
        # A bar line of the project is one of the take.
        first_bar = start + sheet.first_bar_s / beat_s
        assert first_bar / 4 == pytest.approx(round(first_bar / 4), abs=1e-5)
        assert float(clip.get("duration")) * beat_s == pytest.approx(130, abs=1e-3)
        assert clip.get("contentTimeUnit") == "seconds"
        file = clip.find("Audio/File")
        assert (file.get("path"), file.get("external")) == (f"../stems/01 - A/{name.lower()}.wav", "true")
    sung = [
        (float(clip.get("time")) + float(note.get("time")), int(note.get("key")))
        for clip in lanes["Melody"].iter("Clip")
        for note in clip.iter("Note")
    ]
    assert [key for _, key in sung] == [note.pitch for note in sheet.melody]
    for (beat, _), note in zip(sung, sheet.melody, strict=True):
        assert (beat - start) * beat_s == pytest.approx(note.start_s, abs=1e-3)
    assert next(iter(lanes["Melody"].iter("Clip"))).get("name") == "The last bus home is running late again 0"
    assert [clip.get("name") for clip in lanes["Chords"].iter("Clip")] == [chord.symbol for chord in sheet.chords]
    markers = [((float(mark.get("time")) - start) * beat_s, mark.get("name")) for mark in root.iter("Marker")]
    names = section_names(sheet)
    assert {name.rstrip(" 123456") for name in names} == {span.kind.capitalize() for span in sheet.sections}
    assert markers == [
        (pytest.approx(span.start_s, abs=1e-3), name) for span, name in zip(sheet.sections, names, strict=True)
    ]
    muted = [track.get("name") for track in root.iter("Track") if track.find("Channel/Mute").get("value") == "true"]
    assert muted == ["Mix"]
    assert metadata.findtext("Title") == "Last Bus Home"


@settings(max_examples=60, deadline=None)
@given(sheets())
def test_any_sheet_gives_a_whole_project(sheet: LeadSheet) -> None:
    root, _ = opened(sheet_project(sheet, rate=48_000, length_s=sheet.length_s, stems=STEMS))
    check_references(root)
    assert all(float(element.get("time", "0")) >= 0 for element in root.iter())
    assert sum(1 for _ in lanes_of(root).get("Melody", ET.Element("none")).iter("Note")) == len(sheet.melody)


def test_a_take_without_notes_has_its_stems_and_its_lines() -> None:
    lyrics = stored_lyrics("[Verse]\n[00:02.00]Run with me\n[00:06.00]\n[00:08.00]Home\n")
    root, _ = opened(plain_project(lyrics, bpm=None, rate=44_100, length_s=12.0, stems=STEMS[:2]))
    check_references(root)
    assert list(lanes_of(root)) == ["Mix", "Vocals"]
    assert [(mark.get("time"), mark.get("name")) for mark in root.iter("Marker")] == [
        ("4", "Verse: Run with me"), ("16", "Home"),
    ]  # fmt: skip
    assert root.find("Transport/Tempo").get("value") == "120"


@pytest.mark.parametrize(("first_bar_s", "lead"), [(0.0, 0), (0.01, 4), (1.99, 4), (2.0, 4), (2.5, 8)])
def test_the_project_begins_with_a_bar_line(first_bar_s: float, lead: int) -> None:
    timeline = Timeline(120.0, first_bar_s)
    assert timeline.lead_beats == lead
    assert timeline.beat(first_bar_s) == lead
    assert timeline.beat(0.0) >= 0


def test_hostile_titles_are_text() -> None:
    stems = (StemFile('x"><Track/>\x00', "stems/01 - x'&.wav"),)
    project = Project(Timeline(), 3.0, 44_100, stems, markers=((0.0, HOSTILE),))
    root, metadata = opened(project, ProjectHead(HOSTILE, HOSTILE))
    assert [track.get("name") for track in root.iter("Track")] == ['X"><Track/>', "Master"]
    assert (metadata.findtext("Title") or "").startswith("</text><script>")
