"""Roman numerals as genres write them: ``i``, ``VI``, ``iv7``, ``V7sus``, ``bVII``, ``V7/ii``, ``I/3``.

Capitals are major, small letters minor; III, VI and VII stand on the degrees of the song's own scale, ``b`` and ``#``
lower or raise them. ``/3``, ``/5`` and ``/7`` name the note of the chord in the bass; ``V7/ii`` is the dominant of ii.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)
MINOR_SCALE = (0, 2, 3, 5, 7, 8, 10)

_DEGREES = ("I", "II", "III", "IV", "V", "VI", "VII")
_QUALITIES: Mapping[str, tuple[tuple[int, ...], str]] = {
    "": ((0, 4, 7), ""),
    "5": ((0, 7), "5"),
    "6": ((0, 4, 7, 9), "6"),
    "7": ((0, 4, 7, 10), "7"),
    "maj7": ((0, 4, 7, 11), "maj7"),
    "9": ((0, 4, 7, 10, 14), "9"),
    "maj9": ((0, 4, 7, 11, 14), "maj9"),
    "13": ((0, 4, 7, 10, 14, 21), "13"),
    "7b9": ((0, 4, 7, 10, 13), "7b9"),
    "add9": ((0, 4, 7, 14), "add9"),
    "sus": ((0, 5, 7), "sus4"),
    "sus2": ((0, 2, 7), "sus2"),
    "7sus": ((0, 5, 7, 10), "7sus4"),
    "9sus": ((0, 5, 7, 10, 14), "9sus4"),
    "aug": ((0, 4, 8), "aug"),
    "dim": ((0, 3, 6), "dim"),
    "dim7": ((0, 3, 6, 9), "dim7"),
}
_MINOR_QUALITIES: Mapping[str, tuple[tuple[int, ...], str]] = {
    "": ((0, 3, 7), "m"),
    "6": ((0, 3, 7, 9), "m6"),
    "7": ((0, 3, 7, 10), "m7"),
    "9": ((0, 3, 7, 10, 14), "m9"),
    "11": ((0, 3, 7, 10, 14, 17), "m11"),
    "add9": ((0, 3, 7, 14), "m(add9)"),
    "7b5": ((0, 3, 6, 10), "m7b5"),
    "dim": ((0, 3, 6), "dim"),
    "dim7": ((0, 3, 6, 9), "dim7"),
}
_NUMERAL = re.compile(r"([b#]?)(VII|VI|V|IV|III|II|I|vii|vi|v|iv|iii|ii|i)([a-z0-9]*)(?:/([b#]?[IViv]+|[357]))?")
PASSING_SEVENTH = 10
"""Semitones from the root of a triad to the seventh in its bass, as in Am/G."""

_LETTERS_TO_THE_NOTE = {"3": 2, "5": 4, "7": 6}
_NATURALS = (0, 2, 4, 5, 7, 9, 11)
_NOTE_NAMES = "CDEFGAB"
_SPELLED_SHARP = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_MAJOR_TONICS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MINOR_TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")


@dataclass(frozen=True, slots=True)
class ChordTones:
    """A chord: the pitch class of its root, its notes in semitones above that, the pitch class of its bass, its
    symbol."""

    root: int
    intervals: tuple[int, ...]
    bass: int
    symbol: str

    @property
    def pitch_classes(self) -> frozenset[int]:
        """The pitch classes that belong to it."""
        return frozenset((self.root + interval) % 12 for interval in self.intervals)


def chord_problem(bars: str) -> str:
    """What is wrong with the numerals of ``bars``, as a clause; "" where nothing is."""
    for numeral in bars.replace(",", " ").split():
        for minor in (False, True):
            try:
                chord_of(numeral, 0, minor=minor)
            except ValueError as error:
                return str(error)
    return ""


@lru_cache(maxsize=4096)
def chord_of(numeral: str, tonic: int, *, minor: bool) -> ChordTones:
    """The chord of a roman numeral in the key of the pitch class ``tonic``. Raises ValueError where it is none."""
    match = _NUMERAL.fullmatch(numeral)
    if match is None:
        raise ValueError(f"{numeral[:20]!r} is no roman numeral of a chord")
    accidental, degree, quality, below = match.groups()
    known = _MINOR_QUALITIES if degree.islower() else _QUALITIES
    if quality not in known:
        raise ValueError(f"{numeral[:20]!r} has no known kind of chord after its numeral")
    intervals, suffix = known[quality]
    offset, letter = _degree(accidental, degree, minor=minor)
    if below and not below.isdigit():
        target, letters = _degree(*_split(below), minor=minor)
        own, letter = _degree(accidental, degree, minor=False)
        offset, letter = own + target, letter + letters
    root = (tonic + offset) % 12
    home = _letter_of(tonic, minor=minor)
    symbol = _note_name(root, home + letter) + suffix
    bass = root
    if below and below.isdigit():
        index = (int(below) - 1) // 2
        bass = (root + (intervals[index] if index < len(intervals) else PASSING_SEVENTH)) % 12
        symbol += "/" + _note_name(bass, home + letter + _LETTERS_TO_THE_NOTE[below])
    return ChordTones(root, intervals, bass, symbol)


def tonic_name(tonic: int, *, minor: bool) -> str:
    """The usual name of a pitch class as the tonic of a key."""
    return (_MINOR_TONICS if minor else _MAJOR_TONICS)[tonic % 12]


def _split(numeral: str) -> tuple[str, str]:
    if numeral[0] in "b#":
        numeral, accidental = numeral[1:], numeral[0]
    else:
        accidental = ""
    if numeral.upper() not in _DEGREES:
        raise ValueError(f"{numeral!r} is no degree of a scale")
    return accidental, numeral


def _degree(accidental: str, degree: str, *, minor: bool) -> tuple[int, int]:
    """Semitones and letters above the tonic."""
    letters = _DEGREES.index(degree.upper())
    shift = {"b": -1, "#": 1}.get(accidental, 0)
    return (MINOR_SCALE if minor else MAJOR_SCALE)[letters] + shift, letters


def _letter_of(tonic: int, *, minor: bool) -> int:
    return _NOTE_NAMES.index(tonic_name(tonic, minor=minor)[0])


def _note_name(pitch_class: int, letter: int) -> str:
    """A pitch class spelt on a letter (0 is C); by sharps where that would need more than one accidental."""
    accidental = (pitch_class - _NATURALS[letter % 7] + 6) % 12 - 6
    if abs(accidental) > 1:
        return _SPELLED_SHARP[pitch_class]
    return _NOTE_NAMES[letter % 7] + {-1: "b", 0: "", 1: "#"}[accidental]
