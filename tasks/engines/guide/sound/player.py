"""Chooses what plays a part: the instrument that it names, a synthesised one in a program's place, or the SoundFont."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from catalog.common.errors import WorkError
from tasks.engines.guide.arrangement.score import Part
from tasks.engines.guide.sound.fonts.soundfont import SoundFont
from tasks.engines.guide.sound.names import IN_PLACE_OF_PROGRAMS
from tasks.engines.guide.sound.sampler import Sampler
from tasks.engines.guide.sound.source import Sound
from tasks.engines.guide.sound.synthesis.instruments import SYNTHESISED, Instrument


class Player:
    """Plays parts with one SoundFont and the synthesised instruments.

    ``replaces`` states that the font is the small one of the package, in whose place synthesised instruments play the
    programs that they sound better in.
    """

    def __init__(self, font: SoundFont, *, replaces: bool) -> None:
        self._sampler = Sampler(font)
        self._replaced = IN_PLACE_OF_PROGRAMS if replaces else {}

    def play(self, part: Part, *, frames: int) -> Sound:
        """The part's dry audio, (2, frames), or (1, frames) where it is ``mono``. Raises WorkError for a name that is
        none."""
        return self._instrument(part).play(part, frames=frames)

    def play_doubled(self, part: Part, *, frames: int) -> Sound:
        """Two performances of a part, (2, frames): one on each side."""
        one_channel = replace(part, mono=True)
        instrument = self._instrument(part)
        return np.concatenate([instrument.play(one_channel, frames=frames, take=take) for take in (0, 1)])

    def _instrument(self, part: Part) -> Instrument:
        name = part.instrument or self._replaced.get((part.program, part.bank), "")
        if not name:
            return self._sampler
        if name not in SYNTHESISED:
            raise WorkError(
                f"The guide has no instrument {name!r}", remedy=f"Its instruments are {', '.join(SYNTHESISED)}"
            )
        return SYNTHESISED[name]
