"""Chords: the one in each bar of each section, and the movement of its voices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from numpy.random import Generator

from tasks.engines.guide.arrangement.score import Section, SectionKind

MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)
MINOR_SCALE = (0, 2, 3, 5, 7, 8, 10)
MAJOR, MINOR = (0, 4, 7), (0, 3, 7)

_ROMAN: Mapping[str, tuple[int, tuple[int, ...]]] = {
    "I": (0, MAJOR),
    "ii": (2, MINOR),
    "iii": (4, MINOR),
    "IV": (5, MAJOR),
    "V": (7, MAJOR),
    "vi": (9, MINOR),
    "i": (0, MINOR),
    "III": (3, MAJOR),
    "iv": (5, MINOR),
    "v": (7, MINOR),
    "VI": (8, MAJOR),
    "VII": (10, MAJOR),
}
"""Semitones above the tonic and kind of triad; upper-case III, VI, VII are those of the minor key."""

_MAJOR_LOOPS: Mapping[str, tuple[str, ...]] = {
    "verse": ("I V vi IV", "I vi IV V", "I IV I V", "I iii IV V", "I IV vi V", "I ii IV I"),
    "chorus": ("I V vi IV", "I IV vi V", "IV V I vi", "I V IV V", "I iii vi IV", "IV I V I"),
    "bridge": ("ii V I vi", "vi iii IV V", "IV iii ii V", "vi IV ii V"),
}
_MINOR_LOOPS: Mapping[str, tuple[str, ...]] = {
    "verse": ("i VI iv V", "i iv VI V", "i VII VI VII", "i v VI iv", "i VI III VII", "i iv i V"),
    "chorus": ("i VI III VII", "i III VII iv", "VI VII i i", "i VII iv V", "i VI VII V", "iv VI i V"),
    "bridge": ("iv i VI V", "VI iv i V", "iv VII III V", "VI VII iv V"),
}
_LIKE: Mapping[SectionKind, str] = {
    "intro": "verse",
    "verse": "verse",
    "chorus": "chorus",
    "bridge": "bridge",
    "interlude": "chorus",
    "outro": "chorus",
}


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord of one bar: pitch class of its root, and its notes in semitones above that."""

    root: int
    intervals: tuple[int, ...]

    @property
    def pitch_classes(self) -> frozenset[int]:
        """The pitch classes that belong to it."""
        return frozenset((self.root + interval) % 12 for interval in self.intervals)


@dataclass(frozen=True, slots=True)
class Harmony:
    """The key and the chord of every bar, from the first bar on."""

    tonic: int
    minor: bool
    first_bar: int
    chords: tuple[Chord, ...]

    def at(self, bar: int) -> Chord:
        """The chord of ``bar``; the first bar's before it, the last bar's after it."""
        return self.chords[min(len(self.chords) - 1, max(0, bar - self.first_bar))]

    @property
    def scale(self) -> frozenset[int]:
        """The seven pitch classes of the key."""
        steps = MINOR_SCALE if self.minor else MAJOR_SCALE
        return frozenset((self.tonic + step) % 12 for step in steps)

    def scale_over(self, bar: int) -> frozenset[int]:
        """The key's pitch classes as altered by the chord of ``bar``: a leading tone replaces the seventh."""
        foreign_pitches = self.at(bar).pitch_classes - self.scale
        replaced_pitches = {(pitch - 1) % 12 for pitch in foreign_pitches}
        return (self.scale - replaced_pitches) | foreign_pitches


def harmonise(sections: Sequence[Section], *, tonic: int, minor: bool, rich: bool, rng: Generator) -> Harmony:
    """Chords for every bar: one loop per kind of section, a dominant before a tonic, the tonic at the end.

    ``rich`` adds sevenths to chords.
    """
    loops = {
        kind: tuple(str(rng.choice(choices)).split())
        for kind, choices in (_MINOR_LOOPS if minor else _MAJOR_LOOPS).items()
    }
    while loops["chorus"] == loops["verse"]:
        loops["chorus"] = tuple(str(rng.choice((_MINOR_LOOPS if minor else _MAJOR_LOOPS)["chorus"])).split())
    names: list[str] = []
    home = "i" if minor else "I"
    for section, next_section in pairwise((*sections, None)):
        if section is None:
            break
        loop = loops[_LIKE[section.kind]]
        bars = [loop[index % len(loop)] for index in range(section.end_bar - section.first_bar)]
        opens_home = next_section is None or loops[_LIKE[next_section.kind]][0] == home
        if len(bars) >= 4 and opens_home:
            bars[-1] = "V"
        names.extend(bars)
    names[-1] = home
    if len(names) > 2:
        names[-2] = "V"
    chords = tuple(_chord(name, tonic, rich=rich and index + 1 < len(names)) for index, name in enumerate(names))
    return Harmony(tonic, minor, sections[0].first_bar, chords)


def _chord(name: str, tonic: int, *, rich: bool) -> Chord:
    offset, intervals = _ROMAN[name]
    if rich and name in ("V", "v", "VII", "ii", "vi", "i", "iii", "iv"):
        intervals = (*intervals, 10)
    elif rich and name in ("I", "IV", "VI", "III"):
        intervals = (*intervals, 11)
    return Chord((tonic + offset) % 12, intervals)


def voice(chord: Chord, previous: Sequence[int], *, lowest: int) -> tuple[int, ...]:
    """The chord's close voicing within a tenth above ``lowest`` with the smallest movement from ``previous``."""
    tones = sorted(chord.pitch_classes)
    positions = []
    for turn in range(len(tones)):
        pitches: list[int] = []
        for tone in tones[turn:] + tones[:turn]:
            floor = pitches[-1] + 1 if pitches else lowest
            pitches.append(floor + (tone - floor) % 12)
        positions.append(tuple(pitches))
    target = list(previous) or [lowest + 4, lowest + 8, lowest + 12]
    return min(positions, key=lambda pitches: (_movement(pitches, target), pitches))


def _movement(pitches: Sequence[int], target: Sequence[int]) -> int:
    return sum(min(abs(pitch - target_pitch) for target_pitch in target) for pitch in pitches) + abs(
        pitches[-1] - target[-1]
    )
