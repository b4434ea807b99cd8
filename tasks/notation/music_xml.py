"""A lead sheet as MusicXML 4.0: melody with its words, chord symbols, sections, key and tempo.

Uncompressed, UTF-8, the same bytes for the same sheet: no dates and no identifiers of a machine. Elements stand in the
order of the schema (www.w3.org/2021/06/musicxml40).
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from catalog.notation.lead_sheet import LeadSheet
from tasks.notation.chords import written_chord
from tasks.notation.measures import Measure, Value, measures
from tasks.notation.notes import NoteWriter
from tasks.notation.quantise import BEATS, TICKS, WrittenSheet, written
from tasks.notation.spelling import WrittenKey, written_key
from tasks.notation.systems import line_starts
from tasks.notation.xml_text import child, document, one_line

MUSIC_XML = "application/vnd.recordare.musicxml+xml"
VERSION = "4.0"
LOW_VOICE = 60
"""Middle C: a melody whose middle note is below it is written with the clef of a tenor, an octave above its sound."""

HIGH_VOICE = 86


@dataclass(frozen=True, slots=True)
class SheetHead:
    """What stands above and below the music; empty texts are left out. ``section_names`` are those of the sheet's
    sections, which are named by their kinds where it is empty."""

    title: str
    composer: str = ""
    lyricist: str = ""
    rights: str = ""
    language: str = ""
    section_names: tuple[str, ...] = ()


def music_xml(sheet: LeadSheet, head: SheetHead, *, is_drawn: bool = False) -> bytes:
    """The bytes of a ``.musicxml`` file. Raises InputError where the sheet's key is none.

    ``is_drawn`` is for an engraver that shows a chord's added notes beside its text: they are left out.
    """
    written_sheet = written(sheet, head.section_names)
    root = ET.Element("score-partwise", version=VERSION)
    _head(root, head)
    parts = child(root, "part-list")
    score_part = child(parts, "score-part", id="P1")
    child(score_part, "part-name", "Melody", **{"print-object": "no"})
    part = child(root, "part", id="P1")
    _Writer(sheet, written_sheet, head.language, is_drawn=is_drawn).write(part)
    return document(root)


def _head(root: ET.Element, head: SheetHead) -> None:
    work = child(root, "work")
    child(work, "work-title", one_line(head.title) or "Untitled")
    identification = child(root, "identification")
    for kind, name in (("composer", head.composer), ("lyricist", head.lyricist)):
        if one_line(name):
            child(identification, "creator", one_line(name), type=kind)
    if one_line(head.rights):
        child(identification, "rights", one_line(head.rights))
    encoding = child(identification, "encoding")
    child(encoding, "software", "Songline")
    for element in ("accidental", "beam"):
        child(encoding, "supports", element=element, type="yes")
    child(encoding, "supports", attribute="new-system", element="print", type="yes", value="yes")


class _Writer:
    """Writes the bars of one sheet into its part."""

    def __init__(self, sheet: LeadSheet, written_sheet: WrittenSheet, language: str, *, is_drawn: bool) -> None:
        self._sheet, self._written, self._is_drawn = sheet, written_sheet, is_drawn
        self._key = written_key(sheet.key)
        self._notes = NoteWriter(self._key, written_sheet, language, is_drawn=is_drawn)

    def write(self, part: ET.Element) -> None:
        bars = measures(self._written)
        self._line_starts = line_starts(bars, self._written)
        for index, measure in enumerate(bars):
            self._measure(part, measure, is_first=index == 0, is_last=index + 1 == len(bars))

    def _measure(self, part: ET.Element, measure: Measure, *, is_first: bool, is_last: bool) -> None:
        attributes = {"number": str(measure.number)}
        if not measure.number:
            attributes["implicit"] = "yes"
        element = child(part, "measure", **attributes)
        if measure.number in self._line_starts:
            child(element, "print", **{"new-system": "yes"})
        if is_first:
            _attributes(element, self._key, _octave(self._written))
        for _, label in _within(self._written.sections, measure.start, measure.start + measure.ticks):
            _rehearsal(element, label)
        if is_first:
            _tempo(element, self._sheet.bpm, is_swung=self._written.is_swung)
        accidentals = self._key.alters()
        places: dict[tuple[str, int], int] = {}
        for value in measure.values:
            self._harmonies(element, value)
            self._notes.write(element, value, measure, accidentals, places)
        if is_last:
            barline = child(element, "barline", location="right")
            child(barline, "bar-style", "light-heavy")

    def _harmonies(self, element: ET.Element, value: Value) -> None:
        for tick, symbol in _within(self._written.chords, value.start, value.end):
            _harmony(element, symbol, tick - value.start, has_degrees=not self._is_drawn)


def _within(spans: Iterable[tuple[int, str]], start: int, end: int) -> Iterator[tuple[int, str]]:
    return ((tick, text) for tick, text in spans if start <= tick < end)


def _octave(sheet: WrittenSheet) -> int:
    """The octave of the clef: -1 for a low voice, 1 for a high instrument."""
    pitches = [note.note.pitch for note in sheet.notes]
    if not pitches:
        return 0
    middle = statistics.median(pitches)
    return -1 if middle < LOW_VOICE else 1 if middle > HIGH_VOICE else 0


def _attributes(measure: ET.Element, key: WrittenKey, octave: int) -> None:
    attributes = child(measure, "attributes")
    child(attributes, "divisions", str(TICKS))
    signature = child(attributes, "key")
    child(signature, "fifths", str(key.fifths))
    child(signature, "mode", key.mode)
    time = child(attributes, "time")
    child(time, "beats", str(BEATS))
    child(time, "beat-type", "4")
    clef = child(attributes, "clef")
    child(clef, "sign", "G")
    child(clef, "line", "2")
    if octave:
        child(clef, "clef-octave-change", str(octave))


def _rehearsal(measure: ET.Element, label: str) -> None:
    direction = child(measure, "direction", placement="above")
    child(child(direction, "direction-type"), "rehearsal", one_line(label), enclosure="rectangle")


def _tempo(measure: ET.Element, bpm: float, *, is_swung: bool) -> None:
    direction = child(measure, "direction", placement="above")
    if is_swung:
        child(child(direction, "direction-type"), "words", "Swing")
    metronome = child(child(direction, "direction-type"), "metronome")
    child(metronome, "beat-unit", "quarter")
    child(metronome, "per-minute", f"{bpm:.6g}")
    sound = child(direction, "sound", tempo=f"{bpm:.6g}")
    if is_swung:
        swing = child(sound, "swing")
        child(swing, "first", "2")
        child(swing, "second", "1")


def _harmony(measure: ET.Element, symbol: str, offset: int, *, has_degrees: bool) -> None:
    """A chord ``offset`` ticks after the note that follows begins; one that is not known stands as text."""
    chord = written_chord(symbol)
    if chord is None:
        direction = child(measure, "direction", placement="above")
        child(child(direction, "direction-type"), "words", one_line(symbol))
        if offset:
            child(direction, "offset", str(offset))
        return
    harmony = child(measure, "harmony", placement="above")
    _pitch(child(harmony, "root"), "root", chord.root)
    child(harmony, "kind", chord.kind, text=chord.text if has_degrees else _with_signs(chord.text))
    if chord.bass:
        _pitch(child(harmony, "bass"), "bass", chord.bass)
    for degree, alter in chord.degrees if has_degrees else ():
        added = child(harmony, "degree", **{"print-object": "no"})
        child(added, "degree-value", str(degree))
        child(added, "degree-alter", str(alter))
        child(added, "degree-type", "add")
    if offset:
        child(harmony, "offset", str(offset))


def _with_signs(text: str) -> str:
    """The text of a chord with flats and sharps as signs: ``m7♭5``."""
    return re.sub(r"b(?=\d)", "♭", text).replace("#", "♯")


def _pitch(element: ET.Element, name: str, pitch: tuple[str, int]) -> None:
    step, alter = pitch
    child(element, f"{name}-step", step)
    if alter:
        child(element, f"{name}-alter", str(alter))
