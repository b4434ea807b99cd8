"""The arranger's output for the players: notes in parts, on a grid of bars, in sections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from catalog.album.mastering import Tone

MELODIC_BANK, DRUM_BANK = 0, 128

Stem = Literal["vocals", "drums", "bass", "other"]
STEMS: tuple[Stem, ...] = ("vocals", "drums", "bass", "other")

SectionKind = Literal["intro", "verse", "pre-chorus", "chorus", "bridge", "interlude", "solo", "outro"]


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """One note: seconds from the song's start, MIDI pitch, velocity 1 to 127, and the text sung on it.

    ``line`` is the row of its line in the recipe and ``syllable`` its index in that line; -1 for what is not sung.
    """

    start_s: float
    duration_s: float
    pitch: int
    velocity: int
    lyric: str = ""
    line: int = -1
    syllable: int = -1


@dataclass(frozen=True, slots=True)
class Part:
    """One instrument: ``name`` selects its place in the mix, ``stem`` its bus.

    ``sung`` parts get a singer's scoop and vibrato, ``mono`` ones are played without the stereo width of their samples.
    ``instrument`` names one of ``sound/names.py`` that plays in place of ``program`` and ``bank``, which stay those of
    the MIDI file.
    """

    name: str
    stem: Stem
    program: int
    notes: tuple[Note, ...]
    bank: int = MELODIC_BANK
    sung: bool = False
    mono: bool = False
    instrument: str = ""


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord from ``start_s`` to ``end_s``, by its symbol as lead sheets write it: ``Am7``, ``G/B``."""

    start_s: float
    end_s: float
    symbol: str


@dataclass(frozen=True, slots=True)
class Grid:
    """Bars of four beats at ``bpm``; bar 0 starts at ``origin_s``, which lies within the first bar's length."""

    bpm: float
    origin_s: float

    @property
    def beat_s(self) -> float:
        """Length of one beat in seconds."""
        return 60 / self.bpm

    @property
    def bar_s(self) -> float:
        """Length of one bar in seconds."""
        return 4 * self.beat_s

    def time_s(self, bar: int, beats: float = 0.0) -> float:
        """The time in seconds of ``beats`` after the start of ``bar``."""
        return self.origin_s + (4 * bar + beats) * self.beat_s

    def beats(self, time_s: float) -> float:
        """Beats from bar 0's start to ``time_s``."""
        return (time_s - self.origin_s) / self.beat_s


@dataclass(frozen=True, slots=True)
class Line:
    """One sung line: its start, the latest end, its words, number of syllables, each syllable's stress (0 none, 1
    primary, 2 secondary), and its row in the recipe.

    ``word_syllables`` are those of each word where its phones are known.
    """

    start_s: float
    end_s: float
    text: str
    syllables: int
    stress: tuple[int, ...] = ()
    row: int = -1
    word_syllables: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """Bars ``first_bar`` to before ``end_bar`` of one kind, with the lines sung in it.

    ``number`` counts the sections of its kind from 1; ``is_last`` marks the last of its kind.
    """

    kind: SectionKind
    first_bar: int
    end_bar: int
    lines: tuple[Line, ...] = ()
    number: int = 1
    is_last: bool = False

    @property
    def bars(self) -> int:
        """Its length in bars."""
        return self.end_bar - self.first_bar


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A whole song, ready to be played: ``tonic`` is a pitch class, ``minor`` the mode, ``genre`` a genre's name.

    ``chords`` cover the bars of the sections; ``tone`` is the mastering curve that its mix is brought nearer to.
    """

    length_s: float
    grid: Grid
    tonic: int
    minor: bool
    sections: tuple[Section, ...]
    parts: tuple[Part, ...]
    chords: tuple[Chord, ...] = ()
    genre: str = ""
    tone: Tone = "balanced"
