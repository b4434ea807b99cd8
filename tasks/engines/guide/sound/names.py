"""The guide's synthesised instruments by name, for arrangements and genre files; imports nothing that plays.

Every kit has General MIDI's drum notes (35 to 82): kick 36, side stick 37, snare 38, clap 39, closed hat 42, open hat
46 (which a closed one ends), crash 49, ride 51, tambourine 54, shaker 82 and so on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tasks.engines.guide.arrangement.score import DRUM_BANK, MELODIC_BANK


@dataclass(frozen=True, slots=True)
class Named:
    """What an instrument is, and the General MIDI program and bank that stand for it.

    Where SONGLINE_SOUNDFONT chooses a font, its program plays in place of an instrument that is not ``electronic``.
    """

    description: str
    program: int
    bank: int = MELODIC_BANK
    electronic: bool = False


INSTRUMENTS: Mapping[str, Named] = {
    "standard kit": Named("Drums of a pop studio: round kick, bright snare, cymbals to both sides", 0, DRUM_BANK),
    "power kit": Named("Rock drums: hard kick, long deep snare, open room", 16, DRUM_BANK),
    "soul kit": Named("Dry funk and soul drums: short kick, tight dead snare, soft hats", 8, DRUM_BANK),
    "jazz brush kit": Named("Brushes on the snare, small soft kick, long ride", 40, DRUM_BANK),
    "folk kit": Named("Quiet hand percussion: soft kick, light snare, shaker and tambourine in front", 0, DRUM_BANK),
    "house kit": Named(
        "Drum machine of house and disco: hard short kick, clap, six-partial hats", 24, DRUM_BANK, electronic=True
    ),
    "trap kit": Named(
        "Drum machine of trap: clicking kick, snapping snare, thin fast hats", 25, DRUM_BANK, electronic=True
    ),
    "808": Named("Long sine bass whose pitch drops at the start; notes that overlap glide", 38, electronic=True),
    "sub bass": Named("Plain low sine with a little second harmonic", 39, electronic=True),
    "synth bass": Named("Sawtooth and square through a falling filter", 38, electronic=True),
    "finger bass": Named("Electric bass plucked with fingers", 33),
    "pick bass": Named("Electric bass plucked with a plectrum, brighter", 34),
    "upright bass": Named("Double bass plucked, dark and short", 32),
    "fm e-piano": Named(
        "Electric piano by frequency modulation, brighter when played harder, slow stereo tremolo", 4, electronic=True
    ),
    "drawbar organ": Named("Nine drawbars with key click and a slowly turning loudspeaker", 16),
    "vibraphone": Named("Struck bars with tremolo", 11),
    "glass bell": Named("Bright bell by frequency modulation, for figures", 98, electronic=True),
    "nylon guitar": Named("Classical guitar, plucked with fingers", 24),
    "steel guitar": Named("Acoustic guitar with steel strings, for strumming and picking", 25),
    "clean guitar": Named("Electric guitar without distortion", 27),
    "overdriven guitar": Named("Electric guitar through a mildly overdriven amplifier", 29),
    "supersaw": Named("Seven sawtooths within 12 cents to both sides, for chords of dance music", 81, electronic=True),
    "plucked saw": Named("Short sawtooth through a fast falling filter, for stabs and arpeggios", 90, electronic=True),
    "warm pad": Named("Slow soft sawtooths for held chords", 89, electronic=True),
    "string machine": Named("String synthesiser with a wide chorus, for held chords", 50, electronic=True),
}
"""Every instrument that a part may name."""

IN_PLACE_OF_PROGRAMS: Mapping[tuple[int, int], str] = {
    **{(program, DRUM_BANK): "standard kit" for program in (0, 1, 8)},
    (16, DRUM_BANK): "power kit",
    (24, DRUM_BANK): "house kit",
    (25, DRUM_BANK): "trap kit",
    **{(program, DRUM_BANK): "jazz brush kit" for program in (32, 40)},
    **{(program, MELODIC_BANK): "fm e-piano" for program in (4, 5)},
    (11, MELODIC_BANK): "vibraphone",
    **{(program, MELODIC_BANK): "drawbar organ" for program in (16, 17, 18)},
    (24, MELODIC_BANK): "nylon guitar",
    (25, MELODIC_BANK): "steel guitar",
    **{(program, MELODIC_BANK): "clean guitar" for program in (26, 27)},
    **{(program, MELODIC_BANK): "overdriven guitar" for program in (29, 30)},
    (32, MELODIC_BANK): "upright bass",
    **{(program, MELODIC_BANK): "finger bass" for program in (33, 35)},
    (34, MELODIC_BANK): "pick bass",
    **{(program, MELODIC_BANK): "synth bass" for program in (38, 39)},
    **{(program, MELODIC_BANK): "string machine" for program in (50, 51)},
    (81, MELODIC_BANK): "supersaw",
    (89, MELODIC_BANK): "warm pad",
    (90, MELODIC_BANK): "plucked saw",
    (98, MELODIC_BANK): "glass bell",
}
"""Instruments that sound better than the package's small SoundFont has them, by program and bank: they are played in
its place where a part names no instrument and no other SoundFont is chosen."""
