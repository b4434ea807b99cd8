"""Notes and rests of MusicXML: pitch, value, ties, accidentals, beams, triplets and syllables."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from xml.etree import ElementTree as ET

from catalog.lyrics.division.lines import Syllable
from catalog.notation.lead_sheet import MelodyNote
from tasks.notation.chords import WrittenChord, written_chord
from tasks.notation.measures import Measure, Value
from tasks.notation.quantise import BAR, TICKS, WrittenSheet
from tasks.notation.spelling import Spelled, WrittenKey
from tasks.notation.xml_text import child, one_line

NAMES: Mapping[int, tuple[str, int]] = {
    96: ("whole", 0),
    72: ("half", 1),
    48: ("half", 0),
    36: ("quarter", 1),
    24: ("quarter", 0),
    18: ("eighth", 1),
    12: ("eighth", 0),
    9: ("16th", 1),
    6: ("16th", 0),
    3: ("32nd", 0),
}
"""Names of values by their ticks, and their dots."""

NAMES_IN_THIRDS: Mapping[int, str] = {8: "eighth", 16: "quarter"}
_FLAGS: Mapping[str, int] = {"eighth": 1, "16th": 2, "32nd": 3}
_ACCIDENTALS: Mapping[int, str] = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}


class NoteWriter:
    """Writes the values of a melody; it knows each note's neighbours, for the hyphens of words."""

    def __init__(self, key: WrittenKey, sheet: WrittenSheet, language: str, *, is_drawn: bool = False) -> None:
        melody = [note.note for note in sheet.notes]
        self._key, self._chords = key, sheet.chords
        self._language, self._is_drawn = language, is_drawn
        self._syllabic = dict(zip(map(id, melody), _syllabics(melody), strict=True))
        self._extended = {id(note) for note, following in pairwise(melody) if _goes_on(note, following)}

    def write(
        self,
        measure: ET.Element,
        value: Value,
        bar: Measure,
        signature: Mapping[str, int],
        accidentals: dict[tuple[str, int], int],
    ) -> None:
        """One note or rest; ``accidentals`` are those in force in the bar, by letter and octave."""
        element = child(measure, "note")
        name, dots = _value_name(value)
        if value.note is None:
            is_whole = value.ticks == bar.ticks == BAR
            child(element, "rest", **({"measure": "yes"} if is_whole else {}))
            child(element, "duration", str(value.ticks))
            child(element, "voice", "1")
            if not is_whole:
                _shape(element, name, dots, is_third=value.ticks in NAMES_IN_THIRDS and value.in_thirds)
            _notations(element, value, bar)
            return
        spelled = self._key.spelled(value.note.note.pitch, self._chord(value.note.start))
        _pitch(element, spelled)
        child(element, "duration", str(value.ticks))
        for kind in _ties(value):
            child(element, "tie", type=kind)
        child(element, "voice", "1")
        accidental = _accidental(spelled, value, signature, accidentals)
        _shape(element, name, dots, accidental=accidental, is_third=value.ticks in NAMES_IN_THIRDS and value.in_thirds)
        for number, beam in enumerate(_beams(value, bar), 1):
            child(element, "beam", beam, number=str(number))
        _notations(element, value, bar)
        if value.is_first:
            self._lyric(element, value.note.note)

    def _chord(self, tick: int) -> WrittenChord | None:
        """The chord over which a note begins."""
        index = bisect_right(self._chords, tick, key=lambda chord: chord[0]) - 1
        return written_chord(self._chords[index][1]) if index >= 0 else None

    def _lyric(self, element: ET.Element, note: MelodyNote) -> None:
        text = one_line(note.text)
        if not text:
            return
        lyric = child(element, "lyric", number="1")
        child(lyric, "syllabic", self._syllabic[id(note)])
        language = {"xml:lang": self._language} if self._language else {}
        child(lyric, "text", _with_room(text) if self._is_drawn else text, **language)
        if id(note) in self._extended:
            child(lyric, "extend")


def _with_room(text: str) -> str:
    """A syllable with a space for each wide character, which an engraver takes for a narrow one."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return text + "\u00a0" * wide


def _syllabics(melody: Sequence[MelodyNote]) -> list[str]:
    """Whether each syllable begins, continues or ends its word, by the hyphens that stand between them."""
    hyphens = [Syllable(note.text, note.joined).takes_hyphen if note.text else False for note in melody]
    before = [False, *hyphens]
    names = {(False, False): "single", (False, True): "begin", (True, True): "middle", (True, False): "end"}
    return [names[pair] for pair in zip(before, hyphens, strict=False)]


def _goes_on(note: MelodyNote, following: MelodyNote) -> bool:
    """Whether a syllable is sung on the next note too."""
    return bool(note.text) and not following.text and note.line is not None and note.line == following.line


def _value_name(value: Value) -> tuple[str, int]:
    if value.in_thirds and value.ticks in NAMES_IN_THIRDS:
        return NAMES_IN_THIRDS[value.ticks], 0
    return NAMES[value.ticks]


def _pitch(element: ET.Element, spelled: Spelled) -> None:
    pitch = child(element, "pitch")
    child(pitch, "step", spelled.step)
    if spelled.alter:
        child(pitch, "alter", str(spelled.alter))
    child(pitch, "octave", str(spelled.octave))


def _ties(value: Value) -> list[str]:
    return [*([] if value.is_first else ["stop"]), *([] if value.is_last else ["start"])]


def _accidental(
    spelled: Spelled, value: Value, signature: Mapping[str, int], accidentals: dict[tuple[str, int], int]
) -> str | None:
    """The sign before a note where the bar or the signature does not give it; none on a note that is tied to."""
    place = spelled.step, spelled.octave
    in_force = accidentals.get(place, signature[spelled.step])
    if not value.is_first:
        return None
    accidentals[place] = spelled.alter
    return None if in_force == spelled.alter else _ACCIDENTALS[spelled.alter]


def _shape(element: ET.Element, name: str, dots: int, *, accidental: str | None = None, is_third: bool = False) -> None:
    child(element, "type", name)
    for _ in range(dots):
        child(element, "dot")
    if accidental:
        child(element, "accidental", accidental)
    if is_third:
        modification = child(element, "time-modification")
        child(modification, "actual-notes", "3")
        child(modification, "normal-notes", "2")


def _notations(element: ET.Element, value: Value, bar: Measure) -> None:
    ties = _ties(value) if value.note else []
    tuplet = _tuplet(value, bar)
    if not ties and not tuplet:
        return
    notations = child(element, "notations")
    for kind in ties:
        child(notations, "tied", type=kind)
    for kind in tuplet:
        child(notations, "tuplet", type=kind, number="1", bracket="yes")


def _tuplet(value: Value, bar: Measure) -> list[str]:
    """Where the bracket of a triplet begins and ends."""
    if not (value.in_thirds and value.ticks in NAMES_IN_THIRDS):
        return []
    beat = value.start // TICKS
    own = [other for other in bar.values if other.start // TICKS == beat and other.ticks in NAMES_IN_THIRDS]
    return [*(["start"] if value is own[0] else []), *(["stop"] if value is own[-1] else [])]


def _beams(value: Value, bar: Measure) -> list[str]:
    """The beams of a note in its beat: ``begin``, ``continue``, ``end``, or hooks, by level."""
    levels = _flags(value)
    group = _group(value, bar)
    if not levels or len(group) < 2:
        return []
    index = group.index(value)
    before = _flags(group[index - 1]) if index else 0
    after = _flags(group[index + 1]) if index + 1 < len(group) else 0
    return [_beam(level <= before, level <= after, is_first=index == 0) for level in range(1, levels + 1)]


def _beam(to_left: bool, to_right: bool, *, is_first: bool) -> str:
    if to_left and to_right:
        return "continue"
    if to_left:
        return "end"
    if to_right:
        return "begin"
    return "forward hook" if is_first else "backward hook"


def _group(value: Value, bar: Measure) -> list[Value]:
    """The neighbours in the same beat that can be beamed with a note: flagged notes without a rest between them."""
    beat = value.start // TICKS
    group: list[Value] = []
    for other in bar.values:
        if other.start // TICKS != beat:
            continue
        if other.note is None or not _flags(other):
            if value in group:
                return group
            group = []
            continue
        group.append(other)
    return group if value in group else []


def _flags(value: Value) -> int:
    return _FLAGS.get(_value_name(value)[0], 0)
