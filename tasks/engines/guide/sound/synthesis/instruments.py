"""The synthesised instruments by name: what plays each name of the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tasks.engines.guide.arrangement.score import Part
from tasks.engines.guide.sound.source import Sound
from tasks.engines.guide.sound.synthesis import keys, saws, strings
from tasks.engines.guide.sound.synthesis.drum_machine import DrumMachine
from tasks.engines.guide.sound.synthesis.eight_o_eight import EightOEight
from tasks.engines.guide.sound.synthesis.kits import KITS


class Instrument(Protocol):
    """Plays parts; the same notes and take give the same samples."""

    def play(self, part: Part, *, frames: int, take: int = 0) -> Sound:
        """The part's dry audio, (2, frames), or (1, frames) where it is ``mono``."""


SYNTHESISED: Mapping[str, Instrument] = {
    **{name: DrumMachine(name) for name in KITS},
    "808": EightOEight(),
    "sub bass": saws.SubBass(),
    "synth bass": saws.SawInstrument("synth bass", saws.SYNTH_BASS),
    "finger bass": strings.Plucked("finger bass", strings.FINGER_BASS),
    "pick bass": strings.Plucked("pick bass", strings.PICK_BASS),
    "upright bass": strings.Plucked("upright bass", strings.UPRIGHT_BASS),
    "fm e-piano": keys.Struck("fm e-piano", keys.E_PIANO, keys.Turning(4.2, 0.22)),
    "drawbar organ": keys.Organ(),
    "vibraphone": keys.Struck("vibraphone", keys.VIBRAPHONE, keys.Turning(5.2, 0.3, alternates=False), release_s=0.9),
    "glass bell": keys.Struck("glass bell", keys.GLASS_BELL, keys.Turning(3.1, 0.15), release_s=0.9),
    "nylon guitar": strings.Plucked("nylon guitar", strings.NYLON),
    "steel guitar": strings.Plucked("steel guitar", strings.STEEL),
    "clean guitar": strings.Plucked("clean guitar", strings.CLEAN),
    "overdriven guitar": strings.Plucked("overdriven guitar", strings.OVERDRIVEN),
    "supersaw": saws.SawInstrument("supersaw", saws.SUPERSAW),
    "plucked saw": saws.SawInstrument("plucked saw", saws.PLUCKED_SAW),
    "warm pad": saws.SawInstrument("warm pad", saws.WARM_PAD),
    "string machine": saws.SawInstrument("string machine", saws.STRING_MACHINE),
}
