"""Names of pitches in a key: which letter and accidental a MIDI number is written with.

On the line of fifths (… Bb F C G D A E B F# …, C is 0) a key uses the twelve names from five below its tonic to six
above: the lowered second up to the raised fourth. So the leading note of G# minor is F double sharp, as it should be.
"""

from __future__ import annotations

from dataclasses import dataclass

from catalog.album.tempo_and_key import parse_key, tonic_and_mode
from tasks.notation.chords import WrittenChord, chord_letters

_LETTERS = "FCGDAEB"
_NATURAL = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_MINOR_FIFTHS = 3
_MOST_ACCIDENTALS = 6


@dataclass(frozen=True, slots=True)
class Spelled:
    """A pitch as it is written: letter, accidental in semitones, octave (4 begins with middle C)."""

    step: str
    alter: int
    octave: int


@dataclass(frozen=True, slots=True)
class WrittenKey:
    """A key as it is signed: sharps (flats below 0), and whether it is minor."""

    fifths: int
    is_minor: bool

    @property
    def mode(self) -> str:
        """``major`` or ``minor``."""
        return "minor" if self.is_minor else "major"

    @property
    def short_name(self) -> str:
        """The tonic, with ``m`` where the key is minor: ``Eb``, ``F#m``."""
        place = self.fifths + (_MINOR_FIFTHS if self.is_minor else 0) + 1
        alter = place // 7
        return _LETTERS[place % 7] + "#" * alter + "b" * -alter + ("m" if self.is_minor else "")

    def alters(self) -> dict[str, int]:
        """The accidental of each letter in the signature."""
        return {
            letter: (1 if place < self.fifths else -1 if place - 7 >= self.fifths else 0)
            for place, letter in enumerate(_LETTERS)
        }

    def spelled(self, pitch: int, chord: WrittenChord | None = None) -> Spelled:
        """The name of a MIDI number in this key: that of the scale, else of the chord over which it is sung."""
        letters = chord_letters(chord) if chord else {}
        in_scale = any((_NATURAL[step] + alter - pitch) % 12 == 0 for step, alter in self.alters().items())
        if pitch % 12 in letters and not in_scale:
            return _spelled(pitch, *letters[pitch % 12])
        lowest = self.fifths + (_MINOR_FIFTHS if self.is_minor else 0) - 5
        place = lowest + (pitch * 7 - lowest) % 12
        return _spelled(pitch, _LETTERS[(place + 1) % 7], (place + 1) // 7)


def _spelled(pitch: int, step: str, alter: int) -> Spelled:
    return Spelled(step, alter, (pitch - alter - _NATURAL[step]) // 12 - 1)


def written_key(key: str) -> WrittenKey:
    """The signature of a key such as ``Eb major``, that of the enharmonic one where it has more than six.

    Raises InputError where it is no key.
    """
    pitch_class, mode = tonic_and_mode(key)
    is_minor = mode == "minor"
    fifths = _fifths(parse_key(key)) - (_MINOR_FIFTHS if is_minor else 0)
    if abs(fifths) > _MOST_ACCIDENTALS:
        fifths = (pitch_class * 7 - (_MINOR_FIFTHS if is_minor else 0) + 5) % 12 - 5
    return WrittenKey(fifths, is_minor)


def _fifths(key: str) -> int:
    """The place of a key's tonic on the line of fifths; the key is in its canonical form."""
    tonic = key.partition(" ")[0]
    return _LETTERS.index(tonic[0]) - 1 + 7 * (tonic.count("#") - tonic.count("b"))
