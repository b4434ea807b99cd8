"""What a workstation's project holds of a take: tempo, sections, stems, and the tune and chords as notes.

A project begins with a bar line, a take may begin anywhere in a bar: the project's first bar line lies as many whole
bars before the take's as are needed to hold its beginning, and everything stands that much later, stems included.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from catalog.lyrics.lyrics import Lyrics
from catalog.notation.lead_sheet import LeadSheet, MelodyNote
from catalog.notation.section_names import Mark, section_names
from tasks.notation.chords import chord_pitches

BEATS_A_BAR = 4
DEFAULT_BPM = 120.0
VELOCITY = 0.8


@dataclass(frozen=True, slots=True)
class StemFile:
    """A stem by its name, at a path inside the release (forward slashes)."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Seconds of the take to beats of the project."""

    bpm: float = DEFAULT_BPM
    first_bar_s: float = 0.0

    @property
    def lead_beats(self) -> int:
        """Beats from the project's start to the take's first bar line."""
        beats = self.first_bar_s * self.bpm / 60
        return BEATS_A_BAR * math.ceil(beats / BEATS_A_BAR - 1e-6) if beats > 1e-6 else 0

    def beat(self, time_s: float) -> float:
        """The beat of the project at which a time of the take lies."""
        return self.lead_beats + (time_s - self.first_bar_s) * self.bpm / 60


@dataclass(frozen=True, slots=True)
class ProjectNote:
    """A note in beats of the project."""

    beat: float
    beats: float
    pitch: int


@dataclass(frozen=True, slots=True)
class NoteClip:
    """A named stretch of notes, in beats of the project."""

    name: str
    beat: float
    beats: float
    notes: tuple[ProjectNote, ...]


@dataclass(frozen=True, slots=True)
class Project:
    """A whole project. ``rate`` is that of the stems in Hz, ``length_s`` their length; markers are in beats."""

    timeline: Timeline
    length_s: float
    rate: int
    stems: tuple[StemFile, ...] = ()
    markers: tuple[tuple[float, str], ...] = ()
    melody: tuple[NoteClip, ...] = ()
    chords: tuple[NoteClip, ...] = ()


def sheet_project(
    sheet: LeadSheet, *, rate: int, length_s: float, stems: Sequence[StemFile], marks: Sequence[Mark] = ()
) -> Project:
    """The project of a take with a lead sheet; ``marks`` are the section marks of its lyrics."""
    timeline = Timeline(sheet.bpm, sheet.first_bar_s)
    return Project(
        timeline=timeline,
        length_s=length_s,
        rate=rate,
        stems=tuple(stems),
        markers=tuple(
            (timeline.beat(span.start_s), name)
            for span, name in zip(sheet.sections, section_names(sheet, marks), strict=True)
        ),
        melody=tuple(_melody(sheet, timeline)),
        chords=tuple(_chords(sheet, timeline)),
    )


def plain_project(
    lyrics: Lyrics, *, bpm: float | None, rate: int, length_s: float, stems: Sequence[StemFile]
) -> Project:
    """The project of a take whose engine gives no notes: its stems, the tempo where it is known, and the sections and
    lines of timed lyrics as markers. The tempo is 120 where none is known."""
    timeline = Timeline(bpm or DEFAULT_BPM)
    marks: list[tuple[float, str]] = []
    for line in lyrics.lines if lyrics.timed else ():
        text = ": ".join(filter(None, (line.section, line.text)))
        if text:
            marks.append((timeline.beat(line.start_s), text))
    return Project(timeline, length_s, rate, tuple(stems), tuple(marks))


def _melody(sheet: LeadSheet, timeline: Timeline) -> list[NoteClip]:
    """A clip for each sung line, named by its words; one clip for a tune without words."""
    clips = []
    for _, run in groupby(sheet.melody, key=lambda note: note.line):
        notes = list(run)
        start, end = timeline.beat(notes[0].start_s), timeline.beat(max(note.end_s for note in notes))
        played = tuple(_note(timeline, note) for note in notes)
        clips.append(NoteClip(_words(notes) or "Melody", start, end - start, played))
    return clips


def _note(timeline: Timeline, note: MelodyNote) -> ProjectNote:
    start = timeline.beat(note.start_s)
    return ProjectNote(start, timeline.beat(note.end_s) - start, note.pitch)


def _words(notes: Sequence[MelodyNote]) -> str:
    return "".join(note.text + ("" if note.joined else " ") for note in notes if note.text).strip()


def _chords(sheet: LeadSheet, timeline: Timeline) -> list[NoteClip]:
    """A clip for each chord, named by its symbol, with its notes."""
    clips = []
    for chord in sheet.chords:
        start, end = timeline.beat(chord.start_s), timeline.beat(chord.end_s)
        notes = tuple(ProjectNote(start, end - start, pitch) for pitch in chord_pitches(chord.symbol))
        clips.append(NoteClip(chord.symbol, start, end - start, notes))
    return clips
