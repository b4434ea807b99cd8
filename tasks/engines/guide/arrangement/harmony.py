"""The chords of a song, two to a bar, and the movement of their voices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from tasks.engines.guide.arrangement.score import Chord, Grid, Section, SectionKind
from tasks.engines.guide.genres.chords import MAJOR_SCALE, MINOR_SCALE, ChordTones, chord_of
from tasks.engines.guide.genres.schema import ProgressionFile

HALF_BAR_BEATS = 2
CADENCE_BARS = 2
SHORT_BARS = 12
"""A song of no more bars begins with its tonic, whatever its progression: there is little else to tell its key."""

_PART_OF: Mapping[SectionKind, str] = {
    "intro": "verse",
    "verse": "verse",
    "pre-chorus": "pre",
    "chorus": "chorus",
    "bridge": "bridge",
    "interlude": "chorus",
    "solo": "verse",
}
_JAZZ_CADENCE = {False: "ii7,V13", True: "ii7b5,V7b9"}
_CADENCE = {False: "IV,V", True: "iv,V"}


@dataclass(frozen=True, slots=True)
class Harmony:
    """The key and the chords of every half bar, from the first bar on."""

    tonic: int
    minor: bool
    first_bar: int
    halves: tuple[ChordTones, ...]

    def at(self, bar: int, beat: float = 0.0) -> ChordTones:
        """The chord at a beat of ``bar``; the first before the song's bars, the last after them."""
        index = 2 * (bar - self.first_bar) + int(beat // HALF_BAR_BEATS)
        return self.halves[min(len(self.halves) - 1, max(0, index))]

    def at_beats(self, beats: float) -> ChordTones:
        """The chord ``beats`` after the start of bar 0."""
        bar = int(beats // 4)
        return self.at(bar, beats - 4 * bar)

    @property
    def scale(self) -> frozenset[int]:
        """The seven pitch classes of the key."""
        return frozenset((self.tonic + step) % 12 for step in (MINOR_SCALE if self.minor else MAJOR_SCALE))

    def scale_over(self, chord: ChordTones) -> frozenset[int]:
        """The key's pitch classes as a chord alters them: a raised third takes the place of the note below it, any
        other foreign note that of the note above it."""
        scale = self.scale
        replaced = set()
        for interval in chord.intervals:
            pitch = (chord.root + interval) % 12
            if pitch not in scale:
                neighbour = (pitch + (-1 if interval % 12 == 4 else 1)) % 12
                replaced |= {neighbour} - chord.pitch_classes
        return (scale - replaced) | chord.pitch_classes

    def names(self, grid: Grid, length_s: float) -> tuple[Chord, ...]:
        """The chords by their symbols, each from its start to the next one's; the last to the song's end."""
        spans: list[tuple[float, str]] = []
        index = 0
        for symbol, run in groupby(self.halves, key=lambda chord: chord.symbol):
            spans.append((max(0.0, grid.time_s(self.first_bar, HALF_BAR_BEATS * index)), symbol))
            index += len(list(run))
        ends = [start_s for start_s, _ in spans[1:]] + [length_s]
        return tuple(
            Chord(start_s, end_s, symbol)
            for (start_s, symbol), end_s in zip(spans, ends, strict=True)
            if start_s < end_s <= length_s
        )


def harmonise(
    sections: Sequence[Section], progression: ProgressionFile, *, tonic: int, minor: bool, jazz: bool
) -> Harmony:
    """Chords for every bar: each kind of section has its own, with a cadence home before the final bar.

    Intro and outro make the key plain, and so does the first bar of a short song. ``jazz`` ends with a second degree
    before the dominant.
    """
    home = _home(progression, minor=minor)
    bars = [numeral for section in sections for numeral in _bars_of(section, progression, home)]
    if len(bars) <= SHORT_BARS:
        bars[0] = home.tonic
    bars[-1] = ("i" if minor else "I") + ("6" if jazz and minor else "")
    if len(bars) > CADENCE_BARS:
        bars[-2] = (_JAZZ_CADENCE if jazz else _CADENCE)[minor]
    halves = [chord_of(numeral, tonic, minor=minor) for bar in bars for numeral in _halves(bar)]
    return Harmony(tonic, minor, sections[0].first_bar, tuple(halves))


@dataclass(frozen=True, slots=True)
class _Home:
    """The numerals by which a progression states its key: tonic, subdominant and dominant, in its own colours."""

    tonic: str
    subdominant: str
    dominant: str


def _home(progression: ProgressionFile, *, minor: bool) -> _Home:
    bars = f"{progression.chorus} {progression.verse} {progression.pre} {progression.bridge}".replace(",", " ")
    numerals = [numeral for numeral in bars.split() if "/" not in numeral]

    def first(degree: str, otherwise: str) -> str:
        return next((numeral for numeral in numerals if _degree_of(numeral) == degree), otherwise)

    tonic, subdominant = ("i", "iv") if minor else ("I", "IV")
    return _Home(first(tonic, tonic), first(subdominant, subdominant), first("V", "V"))


def _degree_of(numeral: str) -> str:
    return "".join(character for character in numeral if character in "IViv")


def _bars_of(section: Section, progression: ProgressionFile, home: _Home) -> list[str]:
    """A section's bars: whole periods, and a rest that ends as the period does.

    An intro returns to the tonic in every second bar and leads on with the dominant; an outro goes from the tonic to
    the subdominant and the dominant, and back.
    """
    if section.kind == "outro":
        return _repeated((home.tonic, home.subdominant, home.tonic, home.dominant), section.bars)
    bars = _repeated_period(str(getattr(progression, _PART_OF[section.kind])).split(), section.bars)
    if section.kind == "intro":
        bars[::2] = [home.tonic] * len(bars[::2])
        if len(bars) > 1:
            bars[-1] = home.dominant
    return bars


def _repeated(bars: Sequence[str], count: int) -> list[str]:
    return [bars[index % len(bars)] for index in range(count)]


def _repeated_period(period: list[str], count: int) -> list[str]:
    whole, rest = divmod(count, len(period))
    bars = period * whole
    if rest > CADENCE_BARS:
        bars += period[: rest - CADENCE_BARS] + period[-CADENCE_BARS:]
    elif rest:
        bars += period[:rest] if not whole else period[-rest:]
    return bars


def _halves(bar: str) -> Iterable[str]:
    first, _, second = bar.partition(",")
    return first, second or first


def close_voicing(
    chord: ChordTones, previous: Sequence[int], *, lowest: int, tones: Iterable[int] = ()
) -> tuple[int, ...]:
    """The chord's close voicing within a tenth above ``lowest`` with the smallest movement from ``previous``.

    ``tones`` are the pitch classes to use, all of the chord's where there are none.
    """
    classes = sorted(set(tones) or chord.pitch_classes)
    positions = []
    for turn in range(len(classes)):
        pitches: list[int] = []
        for tone in classes[turn:] + classes[:turn]:
            floor = pitches[-1] + 1 if pitches else lowest
            pitches.append(floor + (tone - floor) % 12)
        positions.append(tuple(pitches))
    target = list(previous) or [lowest + 4, lowest + 8, lowest + 12]
    return min(positions, key=lambda pitches: (_movement(pitches, target), pitches))


def _movement(pitches: Sequence[int], target: Sequence[int]) -> int:
    return sum(min(abs(pitch - target_pitch) for target_pitch in target) for pitch in pitches) + abs(
        pitches[-1] - target[-1]
    )


def shell_voicing(chord: ChordTones, previous: Sequence[int], *, lowest: int) -> tuple[int, ...]:
    """Root, third, seventh or sixth, and the colours of a chord, without its fifth; all of a triad."""
    shell = [interval for interval in chord.intervals if interval % 12 != 7]
    tones = [(chord.root + interval) % 12 for interval in shell] if len(shell) > 2 else chord.pitch_classes
    return close_voicing(chord, previous, lowest=lowest, tones=tones)


def power_voicing(chord: ChordTones, *, lowest: int) -> tuple[int, ...]:
    """Root, fifth and octave, as distorted guitars play a chord."""
    fifth = next((interval for interval in chord.intervals if interval in (6, 7, 8)), 7)
    root = lowest + (chord.root - lowest) % 12
    return root, root + fifth, root + 12


def open_voicing(chord: ChordTones, previous: Sequence[int], *, lowest: int) -> tuple[int, ...]:
    """The bass note below a close voicing, as a guitar or the left hand of a piano takes it."""
    upper = close_voicing(chord, previous[1:], lowest=lowest + 5)
    bass = lowest - 7 + (chord.bass - lowest + 7) % 12
    return (bass, *(pitch for pitch in upper if pitch > bass))
