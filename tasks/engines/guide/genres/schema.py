"""A genre as data: figures of drums, bass and chords, progressions, instruments, tempo and the words that choose it.

A figure is one bar in sixteenths, or two bars. In drum figures ``X`` is an accent, ``x`` a plain stroke, ``o`` a soft
one, ``r`` two strokes in the time of one, ``t`` three in the time of two, and ``.`` silence. In bass figures ``R`` is
the bass note, ``3``, ``5``, ``7`` and ``8`` the other notes of the chord and the octave, ``a`` a step towards the next
bass note, ``g`` a glide to the octave of the bass note or back from it, ``_`` a rest, and each note lasts until the
next sign. In figures of chords a digit is one note of the chord, from the lowest, 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from catalog.album.mastering import Tone
from catalog.common.digests import Json
from tasks.engines.guide.genres.chords import chord_problem

Drum = Literal[
    "kick", "rim", "snare", "clap", "closed", "pedal", "open", "ride", "bell", "crash", "tambourine", "shaker",
    "floor", "low", "mid", "high", "conga", "bongo", "cowbell",
]  # fmt: skip
DRUM_NOTES: Mapping[str, int] = {
    "kick": 36, "rim": 37, "snare": 38, "clap": 39, "closed": 42, "pedal": 44, "open": 46, "ride": 51, "bell": 53,
    "crash": 49, "tambourine": 54, "shaker": 70, "floor": 43, "low": 45, "mid": 47, "high": 50, "conga": 63,
    "bongo": 60, "cowbell": 56,
}  # fmt: skip
"""Drums and their notes in General MIDI."""

MAX_GENRE_BYTES = 16 * 1024
"""The largest file of a genre of the user's own; the recipe holds all of it."""

DrumFigure = Annotated[str, Field(pattern=r"^(?:[Xxort.]{16}){1,2}$")]
FillFigure = Annotated[str, Field(pattern=r"^[Xxort.]{16}$")]
BassFigure = Annotated[str, Field(pattern=r"^(?:[R3578ag._]{16}){1,2}$")]
ChordFigure = Annotated[str, Field(pattern=r"^(?:[Xxo0-6.]{16}){1,2}$")]
Bars = Annotated[str, Field(pattern=r"^[^\s,]+(?:[ ,][^\s,]+){0,31}$", max_length=400)]
"""Chords of 1 to 16 bars: roman numerals, bars apart by a space, two chords of one bar by a comma."""

Program = Annotated[int, Field(ge=0, le=127)]
Words = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=40)], ...], Field(max_length=80)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Instrument(_Part):
    """An instrument: its General MIDI program, and the name of a synthesised one that is preferred where there is
    one."""

    program: Program
    sound: str = Field("", max_length=40)


Instruments = Annotated[tuple[Instrument, ...], Field(min_length=1, max_length=8)]


class Level(_Part):
    """What drums, bass and chords play at one level of a groove."""

    drums: dict[Drum, DrumFigure] = Field(max_length=12)
    bass: BassFigure
    chords: ChordFigure


class GrooveFile(_Part):
    """A groove: calm for verses, full for choruses; ``swing`` replaces the genre's."""

    name: str = Field(min_length=1, max_length=60)
    calm: Level
    full: Level
    swing: float | None = Field(None, ge=0, le=1)


class ProgressionFile(_Part):
    """The chords of one song's sections."""

    verse: Bars
    pre: Bars
    chorus: Bars
    bridge: Bars

    @field_validator("verse", "pre", "chorus", "bridge")
    @classmethod
    def _known_chords(cls, bars: str) -> str:
        if problem := chord_problem(bars):
            raise ValueError(problem)
        return bars


class Progressions(_Part):
    """Chords for songs in minor and in major."""

    minor: tuple[ProgressionFile, ...] = Field(min_length=1, max_length=12)
    major: tuple[ProgressionFile, ...] = Field(min_length=1, max_length=12)


class Band(_Part):
    """The instruments of each part; of several, a seed takes one. ``kit`` is a program of the drum bank."""

    kit: Instruments
    bass: Instruments
    chords: Instruments
    pad: Instruments
    pluck: Instruments
    lead: Instruments
    voices: tuple[str, ...] = Field(("oohs",), min_length=1, max_length=8)


class PromptWords(_Part):
    """The words of a prompt that choose the genre: its nouns weigh 3, instruments 1, moods 0.5."""

    genre: Words = ()
    instruments: Words = ()
    moods: Words = ()


class Genre(_Part):
    """A genre: the whole content of its file. Struck chords that are not held last ``chord_beats`` at most; ``tone`` is
    the mastering curve that its mix is brought nearer to."""

    name: str = Field(min_length=1, max_length=40)
    tempo_bpm: tuple[Annotated[int, Field(ge=40, le=220)], Annotated[int, Field(ge=40, le=220)]]
    mode: Literal["minor", "major"]
    swing: float = Field(0.0, ge=0, le=1)
    swing_of: Literal["eighths", "sixteenths"] = "eighths"
    bass_manner: Literal["figures", "walking"] = "figures"
    bass_length: float = Field(0.92, ge=0.1, le=1.2)
    voicing: Literal["close", "shell", "power", "open"] = "close"
    chords_held: bool = False
    chord_beats: float = Field(4.0, ge=0.1, le=4)
    strum_ms: float = Field(3.0, ge=0, le=40)
    verse_drums: Literal["calm", "hats", "none"] = "calm"
    pad_in_verse: bool = False
    ending: Literal["ring", "stop"] = "ring"
    tone: Tone = "balanced"
    words: PromptWords = PromptWords()
    band: Band
    grooves: tuple[GrooveFile, ...] = Field(min_length=1, max_length=8)
    fills: tuple[dict[Drum, FillFigure], ...] = Field(min_length=1, max_length=12)
    plucks: tuple[ChordFigure, ...] = Field(min_length=1, max_length=6)
    progressions: Progressions

    @field_validator("tempo_bpm")
    @classmethod
    def _rising(cls, tempo_bpm: tuple[int, int]) -> tuple[int, int]:
        if tempo_bpm[0] > tempo_bpm[1]:
            raise ValueError("the first tempo is the lower one")
        return tempo_bpm

    def document(self) -> dict[str, Json]:
        """The genre as plain JSON."""
        return self.model_dump(mode="json")
