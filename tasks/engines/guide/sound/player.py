"""Chooses what plays a part: the instrument that it names, a synthesised one in a program's place, or the SoundFont."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from catalog.common.errors import WorkError
from tasks.engines.guide.arrangement.score import Part
from tasks.engines.guide.sound.fonts.soundfont import SoundFont
from tasks.engines.guide.sound.names import IN_PLACE_OF_PROGRAMS, INSTRUMENTS
from tasks.engines.guide.sound.sampler import Sampler
from tasks.engines.guide.sound.source import Sound
from tasks.engines.guide.sound.synthesis.instruments import SYNTHESISED, Instrument


class Player:
    """Plays parts with one SoundFont and the synthesised instruments.

    ``is_small`` states that the font is the small one of the package: synthesised instruments play in its place where
    they sound better. A font that the user chose plays itself, all but what is electronic.
    """

    def __init__(self, font: SoundFont, *, is_small: bool) -> None:
        self._font = font
        self._sampler = Sampler(font)
        self._is_small = is_small

    def play(self, part: Part, *, frames: int) -> Sound:
        """The part's dry audio, (2, frames), or (1, frames) where it is ``mono``. Raises WorkError for a name that is
        none."""
        instrument, played = self._chosen(part)
        return instrument.play(played, frames=frames)

    def play_doubled(self, part: Part, *, frames: int) -> Sound:
        """Two performances of a part, (2, frames): one on each side."""
        instrument, played = self._chosen(replace(part, mono=True))
        both = np.zeros((2, frames), dtype=np.float32)
        for take, side in enumerate(both):
            side += instrument.play(played, frames=frames, take=take)[0]
        return both

    def _chosen(self, part: Part) -> tuple[Instrument, Part]:
        """What plays a part, and the part as it plays it."""
        name = part.instrument
        if not name:
            replacing = IN_PLACE_OF_PROGRAMS.get((part.program, part.bank)) if self._is_small else None
            return (SYNTHESISED[replacing] if replacing else self._sampler), part
        if name not in INSTRUMENTS:
            raise WorkError(
                f"The guide has no instrument {name!r}", remedy=f"Its instruments are {', '.join(INSTRUMENTS)}"
            )
        named = INSTRUMENTS[name]
        if self._is_small or named.electronic or not self._font.has(named.program, bank=named.bank):
            return SYNTHESISED[name], part
        return self._sampler, replace(part, program=named.program, bank=named.bank)
