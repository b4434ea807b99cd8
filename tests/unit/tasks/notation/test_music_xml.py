"""MusicXML of lead sheets, as music21 reads it: the same notes, words, chords, key and tempo, in full bars."""

from __future__ import annotations

import warnings
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings

from catalog.notation.lead_sheet import LeadSheet, MelodyNote
from tasks.engines.guide.genres.chords import chord_of
from tasks.engines.guide.genres.library import GENRES, genre
from tasks.notation.chords import chord_pitches, written_chord
from tasks.notation.music_xml import SheetHead, music_xml
from tasks.notation.quantise import TICKS, written
from tasks.notation.spelling import written_key
from tests.support.lead_sheets import HEAD, HOSTILE, KEYS, guide_sheet, sheets

WORDS = {
    "en": "Nobody is waiting, darling — everything's borrowed tonight",
    "de": "Über allen Dächern ist Ruh",
    "ja": "きみはとおくに",
    "zh": "月亮代表我的心",
    "ru": "я иду домой под дождём",
    "fr": "les oiseaux volent vers le sud",
}


def read(data: bytes) -> Any:
    """The score as music21 reads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import music21

        return music21.converter.parseData(data.decode(), format="musicxml")


def notes_of(score: Any) -> list[Any]:
    """Its notes without chord symbols and without those that are tied to the one before."""
    notes = [note for note in score.parts[0].recurse().notes if "ChordSymbol" not in note.classes]
    return [note for note in notes if note.tie is None or note.tie.type == "start"]


def lengths_of(score: Any) -> list[float]:
    """The ticks of each note, with those that are tied to it."""
    lengths: list[float] = []
    for note in score.parts[0].recurse().notes:
        if "ChordSymbol" in note.classes:
            continue
        if note.tie is None or note.tie.type == "start":
            lengths.append(0.0)
        lengths[-1] += float(note.quarterLength) * TICKS
    return lengths


def words_of(notes: list[Any]) -> str:
    pieces = [note.lyrics[0] for note in notes if note.lyrics]
    goes_on = ("begin", "middle")
    return "".join(p.text + ("" if p.syllabic in goes_on or p.text.endswith("-") else " ") for p in pieces).strip()


@pytest.mark.parametrize("name", GENRES)
def test_a_second_program_reads_the_same_song(name: str) -> None:
    key = KEYS[list(GENRES).index(name) % len(KEYS)]
    sheet = guide_sheet(key=key, settings={"genre": name})
    on_grid = written(sheet)
    score = read(music_xml(sheet, HEAD))
    bars = list(score.parts[0].getElementsByClass("Measure"))
    assert [float(bar.duration.quarterLength) for bar in bars if bar.number] == [4.0] * on_grid.bars
    notes = notes_of(score)
    assert [note.pitch.midi for note in notes] == [note.pitch for note in sheet.melody]
    starts = [note.start + on_grid.pickup for note in on_grid.notes]
    assert [note.getOffsetInHierarchy(score) * TICKS for note in notes] == starts
    assert lengths_of(score) == [note.end - note.start for note in on_grid.notes]
    spoken = "".join(note.text + ("" if note.joined else " ") for note in sheet.melody if note.text).strip()
    assert words_of(notes) == spoken
    symbols = list(score.recurse().getElementsByClass("ChordSymbol"))
    for symbol, (_, written_symbol) in zip(symbols, on_grid.chords, strict=True):
        # An eleventh or thirteenth has the notes below it too in that program.
        assert {pitch.midi % 12 for pitch in symbol.pitches} >= {pitch % 12 for pitch in chord_pitches(written_symbol)}
        chord = written_chord(written_symbol)
        assert chord is not None
        assert symbol.root().name.replace("-", "b") == chord.root[0] + "#" * chord.root[1] + "b" * -chord.root[1]
    assert [symbol.getOffsetInHierarchy(score) * TICKS - on_grid.pickup for symbol in symbols] == [
        tick for tick, _ in on_grid.chords
    ]
    signature = next(iter(score.recurse().getElementsByClass("KeySignature")))
    assert (signature.sharps, signature.mode) == (written_key(key).fifths, written_key(key).mode)
    (tempo,) = score.recurse().getElementsByClass("MetronomeMark")
    assert tempo.number == sheet.bpm
    labels = [mark.content for mark in score.recurse().getElementsByClass("RehearsalMark")]
    assert labels == [label for _, label in on_grid.sections]
    assert (score.metadata.title, score.metadata.composer, score.metadata.lyricist) == (
        HEAD.title, HEAD.composer, HEAD.lyricist,
    )  # fmt: skip


@pytest.mark.parametrize("language", sorted(WORDS))
def test_words_of_any_language_are_whole(language: str) -> None:
    sheet = guide_sheet([(1.0, WORDS[language])], language=language, length_s=20.0, settings={"voice": "sung"})
    data = music_xml(sheet, SheetHead("A", language=language))
    syllabics = {element.text for element in ET.fromstring(data).iter("syllabic")}
    if language in ("ja", "zh"):
        assert syllabics == {"single"}
        assert "".join(note.lyric for note in notes_of(read(data))) == WORDS[language].replace(" ", "")
    else:
        assert words_of(notes_of(read(data))) == WORDS[language]


@settings(max_examples=60, deadline=None)
@given(sheets())
def test_any_sheet_is_a_document_that_is_the_same_every_time(sheet: LeadSheet) -> None:
    data = music_xml(sheet, HEAD)
    assert data == music_xml(sheet, HEAD)
    root = ET.fromstring(data)
    for measure in root.iter("measure"):
        played = sum(int(note.findtext("duration", "0")) for note in measure.iter("note"))
        assert played == 4 * TICKS or measure.get("implicit") == "yes"


@settings(max_examples=8, deadline=None)
@given(sheets())
def test_a_second_program_reads_any_sheet(sheet: LeadSheet) -> None:
    notes = notes_of(read(music_xml(sheet, HEAD)))
    assert [note.pitch.midi for note in notes] == [note.pitch for note in sheet.melody]


def test_hostile_titles_are_text() -> None:
    sheet = guide_sheet([(1.0, "la la")], length_s=12.0)
    hostile = sheet.model_copy(update={"melody": (MelodyNote(start_s=1, end_s=2, pitch=60, text="<b>&\x00\u202e"),)})
    root = ET.fromstring(music_xml(hostile, SheetHead(HOSTILE, HOSTILE, HOSTILE, HOSTILE)))
    title = root.findtext("work/work-title") or ""
    assert title.startswith("</text><script>alert(1)</script>&\"' ]]> <!ENTITY x>")
    assert [element.tag for element in root] == ["work", "identification", "part-list", "part"]
    assert [text.text for text in root.iter("text")] == ["<b>&\u202e"]


@pytest.mark.parametrize(
    ("key", "pitch", "name"),
    [
        ("C major", 61, "D-1"), ("C major", 66, "F1"), ("C major", 70, "B-1"), ("Eb major", 68, "A-1"),
        ("F# major", 65, "E1"), ("G# minor", 67, "F2"), ("Eb minor", 59, "C-1"), ("B major", 70, "A1"),
        ("Gb major", 71, "C-1"), ("A minor", 68, "G1"), ("F minor", 64, "E0"),
    ],
)  # fmt: skip
def test_pitches_are_spelt_as_their_key_asks(key: str, pitch: int, name: str) -> None:
    spelled = written_key(key).spelled(pitch)
    assert f"{spelled.step}{spelled.alter}" == name


def test_a_note_outside_the_scale_is_spelt_as_its_chord() -> None:
    key = written_key("C major")
    names = [key.spelled(pitch, written_chord(symbol)) for pitch, symbol in ((61, "A7"), (68, "E/G#"), (68, "Fm"))]
    assert [(name.step, name.alter) for name in names] == [("C", 1), ("G", 1), ("A", -1)]


def test_every_chord_of_the_genres_has_its_kind() -> None:
    seen = set()
    for name in GENRES:
        for minor in (False, True):
            progressions = genre(name).progressions.minor if minor else genre(name).progressions.major
            for numerals in progressions:
                bars = " ".join(getattr(numerals, part) for part in ("verse", "pre", "chorus", "bridge"))
                for numeral in bars.replace(",", " ").split():
                    chord = chord_of(numeral, 9, minor=minor)
                    with_bass = chord.pitch_classes | {chord.bass}
                    assert {pitch % 12 for pitch in chord_pitches(chord.symbol)} == with_bass, chord.symbol
                    seen.add(chord.symbol)
    assert len(seen) > 40
    assert written_chord("N.C.") is None
    assert chord_pitches("H7") == ()


def test_a_low_voice_has_the_clef_of_a_tenor() -> None:
    high = guide_sheet(settings={"voice": "sung", "singer": "alto"})
    low = guide_sheet(settings={"voice": "sung", "singer": "tenor"})
    octaves = [ET.fromstring(music_xml(sheet, HEAD)).findtext(".//clef-octave-change") for sheet in (high, low)]
    assert octaves == [None, "-1"]
