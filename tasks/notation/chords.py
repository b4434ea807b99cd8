"""Chord symbols as MusicXML keeps them: root, kind, added and altered notes, bass."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

Degree = tuple[int, int]
"""A note that is added to a chord: its degree, and its alteration in semitones."""

_SYMBOL = re.compile(r"([A-G])(##|bb|[#b♯♭])?([^/]*)(?:/([A-G])(##|bb|[#b♯♭])?)?")
_ALTERS = {None: 0, "#": 1, "♯": 1, "##": 2, "b": -1, "♭": -1, "bb": -2}

KINDS: Mapping[str, tuple[str, tuple[Degree, ...]]] = {
    "": ("major", ()),
    "m": ("minor", ()),
    "5": ("power", ()),
    "6": ("major-sixth", ()),
    "m6": ("minor-sixth", ()),
    "7": ("dominant", ()),
    "maj7": ("major-seventh", ()),
    "m7": ("minor-seventh", ()),
    "m(maj7)": ("major-minor", ()),
    "9": ("dominant-ninth", ()),
    "maj9": ("major-ninth", ()),
    "m9": ("minor-ninth", ()),
    "11": ("dominant-11th", ()),
    "m11": ("minor-11th", ()),
    "13": ("dominant-13th", ()),
    "maj13": ("major-13th", ()),
    "m13": ("minor-13th", ()),
    "7b9": ("dominant", ((9, -1),)),
    "7#9": ("dominant", ((9, 1),)),
    "7b13": ("dominant", ((13, -1),)),
    "add9": ("major", ((9, 0),)),
    "m(add9)": ("minor", ((9, 0),)),
    "sus4": ("suspended-fourth", ()),
    "sus2": ("suspended-second", ()),
    "7sus4": ("suspended-fourth", ((7, -1),)),
    "9sus4": ("suspended-fourth", ((7, -1), (9, 0))),
    "aug": ("augmented", ()),
    "dim": ("diminished", ()),
    "dim7": ("diminished-seventh", ()),
    "m7b5": ("half-diminished", ()),
}
"""The kinds of MusicXML, by what a symbol has after its root."""

_TONES: Mapping[str, tuple[int, ...]] = {
    "major": (0, 4, 7),
    "minor": (0, 3, 7),
    "power": (0, 7),
    "major-sixth": (0, 4, 7, 9),
    "minor-sixth": (0, 3, 7, 9),
    "dominant": (0, 4, 7, 10),
    "major-seventh": (0, 4, 7, 11),
    "minor-seventh": (0, 3, 7, 10),
    "major-minor": (0, 3, 7, 11),
    "dominant-ninth": (0, 4, 7, 10, 14),
    "major-ninth": (0, 4, 7, 11, 14),
    "minor-ninth": (0, 3, 7, 10, 14),
    "dominant-11th": (0, 4, 7, 10, 14, 17),
    "minor-11th": (0, 3, 7, 10, 14, 17),
    "dominant-13th": (0, 4, 7, 10, 14, 21),
    "major-13th": (0, 4, 7, 11, 14, 21),
    "minor-13th": (0, 3, 7, 10, 14, 21),
    "suspended-fourth": (0, 5, 7),
    "suspended-second": (0, 2, 7),
    "augmented": (0, 4, 8),
    "diminished": (0, 3, 6),
    "diminished-seventh": (0, 3, 6, 9),
    "half-diminished": (0, 3, 6, 10),
}
"""The notes of each kind, in semitones above its root."""

_LETTERS_UP = {
    0: 0,
    2: 1,
    3: 2,
    4: 2,
    5: 3,
    6: 4,
    7: 4,
    8: 4,
    9: 5,
    10: 6,
    11: 6,
    13: 1,
    14: 1,
    15: 1,
    17: 3,
    20: 5,
    21: 5,
}
"""How many letters above its root a note of a chord is written, by its semitones."""

_STEPS = "CDEFGAB"
_DEGREE_TONES = {7: 11, 9: 14, 13: 21}
_NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
LOWEST_ROOT, LOWEST_BASS = 48, 36


@dataclass(frozen=True, slots=True)
class WrittenChord:
    """A chord: letter and alteration of its root, kind, text after the root, added notes, and the bass where it is
    another note."""

    root: tuple[str, int]
    kind: str
    text: str
    degrees: tuple[Degree, ...] = ()
    bass: tuple[str, int] | None = None


def written_chord(symbol: str) -> WrittenChord | None:
    """The chord of a symbol such as ``Am7`` or ``G/B``; None for one that is not known."""
    match = _SYMBOL.fullmatch(symbol)
    if match is None or match[3] not in KINDS:
        return None
    step, accidental, text, bass_step, bass_accidental = match.groups()
    kind, degrees = KINDS[text]
    bass = (bass_step, _ALTERS[bass_accidental]) if bass_step else None
    return WrittenChord((step, _ALTERS[accidental]), kind, text, degrees, bass)


def chord_pitches(symbol: str) -> tuple[int, ...]:
    """The notes of a chord as MIDI numbers, its bass below them where it is another note; none where it is unknown."""
    chord = written_chord(symbol)
    if chord is None:
        return ()
    root = LOWEST_ROOT + _pitch_class(chord.root)
    pitches = {root + tone for tone in _tones(chord)}
    if chord.bass:
        pitches.add(LOWEST_BASS + _pitch_class(chord.bass))
    return tuple(sorted(pitches))


def chord_letters(chord: WrittenChord) -> dict[int, tuple[str, int]]:
    """How each note of a chord is written, by its pitch class: letter and accidental, at most one sharp or flat."""
    letters = {}
    for tone in _tones(chord):
        step = _STEPS[(_STEPS.index(chord.root[0]) + _LETTERS_UP[tone]) % 7]
        pitch_class = (_pitch_class(chord.root) + tone) % 12
        alter = (pitch_class - _NATURALS[step] + 6) % 12 - 6
        if abs(alter) <= 1:
            letters[pitch_class] = (step, alter)
    return letters


def _tones(chord: WrittenChord) -> set[int]:
    return {*_TONES[chord.kind], *(_DEGREE_TONES[degree] + alter for degree, alter in chord.degrees)}


def _pitch_class(note: tuple[str, int]) -> int:
    return (_NATURALS[note[0]] + note[1]) % 12
