"""Random songs of the guide, in several languages, keys, tempos and swings: full bars, whole words, spelt pitches."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.engines.guide.genres.library import GENRES
from tasks.notation.music_xml import music_xml
from tasks.notation.quantise import TICKS
from tests.support.lead_sheets import HEAD, KEYS, guide_sheet
from tests.unit.catalog.lyrics.syllable_lines import DIVIDED, text_of

CHROMATIC = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def pitch_of(note: ET.Element) -> int:
    """The MIDI number of a note."""
    octave, alter = int(note.findtext("pitch/octave", "4")), int(note.findtext("pitch/alter", "0"))
    return 12 * (octave + 1) + CHROMATIC[note.findtext("pitch/step", "C")] + alter


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_bars_are_full_and_words_are_whole(data: st.DataObject) -> None:
    language = data.draw(st.sampled_from(sorted(DIVIDED)))
    texts = data.draw(st.lists(st.sampled_from([text_of(line) for line in DIVIDED[language]]), min_size=1, max_size=12))
    line_s = data.draw(st.floats(2.5, 6))
    start_s = data.draw(st.floats(0, 9))
    rows = [(start_s + line_s * index, text) for index, text in enumerate(texts)]
    sheet = guide_sheet(
        rows,
        language=language,
        length_s=max(20.0, rows[-1][0] + 10),
        bpm=data.draw(st.sampled_from((None, 62.0, 97.3, 127.5, 168.0))),
        key=data.draw(st.sampled_from(KEYS)),
        settings={
            "voice": data.draw(st.sampled_from(("sung", "instrument"))),
            "genre": data.draw(st.sampled_from(sorted(GENRES))),
            "swing": data.draw(st.sampled_from((0.0, 0.5, 1.0))),
        },
    )
    root = ET.fromstring(music_xml(sheet, HEAD))
    for measure in root.iter("measure"):
        played = sum(int(note.findtext("duration", "0")) for note in measure.iter("note"))
        assert played == 4 * TICKS or measure.get("implicit") == "yes"
    sung = [note for note in root.iter("note") if note.find("pitch") is not None]
    begun = [note for note in sung if "stop" not in [tie.get("type") for tie in note.iter("tie")]]
    assert [pitch_of(note) for note in begun] == [note.pitch for note in sheet.melody]
    written = "".join(note.findtext("lyric/text", "").replace(" ", "") for note in begun)
    assert written == "".join(text.replace(" ", "") for text in texts)
