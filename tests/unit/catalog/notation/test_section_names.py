"""The names of sections: the lyrics' own, else their kinds, numbered where several are alike."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from catalog.notation.lead_sheet import FormSpan, LeadSheet
from catalog.notation.section_names import is_name_of, section_names
from tasks.notation.quantise import written

FORM = ("intro", "verse", "chorus", "verse", "chorus", "outro")


def sheet(kinds: Sequence[str] = FORM) -> LeadSheet:
    """Sections of ten seconds each, at 120 BPM."""
    spans = tuple(FormSpan(start_s=10.0 * nth, end_s=10.0 * (nth + 1), kind=kind) for nth, kind in enumerate(kinds))
    return LeadSheet(bpm=120, first_bar_s=0, key="C major", length_s=60, sections=spans)


@pytest.mark.parametrize(
    ("marks", "names"),
    [
        ((), ("Intro", "Verse 1", "Chorus 1", "Verse 2", "Chorus 2", "Outro")),
        (
            ((10.0, "Verse 1"), (20.0, "Chorus"), (30.0, "Verse"), (40.0, "Chorus")),
            ("Intro", "Verse 1", "Chorus 1", "Verse 2", "Chorus 2", "Outro"),
        ),
        (((9.5, "主歌"), (20.0, "副歌"), (40.0, "副歌")), ("Intro", "主歌", "副歌 1", "Verse", "副歌 2", "Outro")),
        (((10.0, "Verse 2"),), ("Intro", "Verse 2", "Chorus 1", "Verse 3", "Chorus 2", "Outro")),
        (((10.0, "Verse"), (14.0, "Rap")), ("Intro", "Verse 1", "Chorus 1", "Verse 2", "Chorus 2", "Outro")),
    ],
)
def test_sections_have_one_name_each(marks: Sequence[tuple[float, str]], names: Sequence[str]) -> None:
    assert section_names(sheet(), marks) == tuple(names)
    assert [name for _, name in written(sheet(), names).sections] == list(names)


def test_a_name_is_known_by_its_label() -> None:
    assert is_name_of("Chorus", "Chorus")
    assert is_name_of("Chorus 2", "Chorus")
    assert not is_name_of("Chorus 2", "Chorus 1")
    assert not is_name_of("Chorus alone", "Chorus")
