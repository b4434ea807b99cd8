"""What the page has for singing along, as text: buttons, the lead sheet's drawing, syllables and sections."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.release.listening_page.page import (
    BeatView,
    FileView,
    LyricView,
    PageView,
    SectionView,
    StemView,
    SyllableView,
    render_page,
)
from tests.unit.catalog.release.listening_page.test_page import HOSTILE, Elements, view


@pytest.mark.parametrize(
    ("stems", "kinds", "buttons"),
    [
        (("mix", "vocals", "drums"), (), 1),
        (("mix", "drums", "bass"), (), 0),
        (("mix", "vocals"), (), 0),
        ((), ("acapella", "instrumental"), 1),
        (("vocals",), ("instrumental",), 1),
        ((), ("acapella",), 0),
        ((), (), 0),
    ],
)
def test_voice_and_band_have_buttons_where_they_can_be_heard_apart(
    stems: tuple[str, ...], kinds: tuple[str, ...], buttons: int
) -> None:
    files = tuple(FileView(kind, kind, f"{kind}/x") for kind in ("wav24", *kinds))
    track = replace(view().tracks[0], files=files, stems=tuple(StemView(name, f"stems/{name}.wav") for name in stems))
    page = Elements(render_page(replace(view(), tracks=(track,))))
    assert len([each for each in page.named("button") if each.get("class") == "voice"]) == buttons
    parts = [each for each in page.named("div") if each.get("class") == "parts"]
    assert len(parts) == buttons
    for kind in kinds if buttons else ():
        assert parts[0][f"data-{kind}"] == f"{kind}/x", "the mastered version is played in place of the stems"


def test_the_drawing_of_a_lead_sheet_is_a_picture_of_the_release() -> None:
    files = (*view().tracks[0].files, FileView("lead_sheet", "Lead sheet (SVG)", "sheets/01 - a#b.svg"))
    page = Elements(render_page(replace(view(), tracks=(replace(view().tracks[0], files=files),))))
    (picture,) = page.named("img")
    assert (picture["src"], picture["loading"]) == ("sheets/01%20-%20a%23b.svg", "lazy")
    assert "Last Bus Home" in (picture["alt"] or "")


def test_nothing_is_said_of_a_choice_where_there_was_none() -> None:
    def heading(sentence: str) -> bool:
        track = replace(view().tracks[0], sentence=sentence)
        return "Why this take" in render_page(replace(view(), tracks=(track,)))

    assert not heading("Winner: seed 42. The only candidate. Left out: key match (no key is stated).")
    assert heading("Winner: seed 42. The only candidate. Its end is cut off at -18.1 dBFS.")


def test_syllables_and_sections_are_only_text() -> None:
    def sung(text: str) -> PageView:
        syllables = (SyllableView(10.0, text, "", text), SyllableView(10.5, "x", text))
        line = LyricView(10.0, f"{text}{text}x", text, syllables, 11.0)
        track = replace(view().tracks[0], lyrics=(line,), sections=(SectionView(10.0, 20.0, text, text),))
        return replace(view(), tracks=(track,))

    page, plain = Elements(render_page(sung(HOSTILE))), Elements(render_page(sung("words")))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
    assert [sorted(attributes) for _, attributes in page.tags] == [sorted(attributes) for _, attributes in plain.tags]
    assert [each["data-at"] for each in page.named("bdi") if "data-at" in each] == ["1000 1050 1100"]


@pytest.mark.parametrize(
    ("kinds", "exact"),
    [
        (("mp3_320", "flac24", "wav24"), "flac24/x"),
        (("mp3_320", "wav24"), "wav24/x"),
        (("mp3_320",), None),
        (("flac24", "wav24"), None),
    ],
)
def test_an_mp3_gives_way_to_a_file_with_exact_times(kinds: tuple[str, ...], exact: str | None) -> None:
    files = tuple(FileView(kind, kind, f"{kind}/x") for kind in kinds)
    track = replace(view().tracks[0], files=files, beat=BeatView(120.0, 0.0))
    song = Elements(render_page(replace(view(), tracks=(track,)))).named("article")[0]
    assert song.get("data-exact") == exact
    plain = Elements(render_page(replace(view(), tracks=(replace(track, beat=None),)))).named("article")[0]
    assert "data-exact" not in plain
