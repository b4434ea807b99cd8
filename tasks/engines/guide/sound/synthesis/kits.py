"""Drum kits: which stroke each of General MIDI's drum notes has, how loud it is and where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from tasks.engines.guide.sound.source import Sound
from tasks.engines.guide.sound.synthesis.cymbals import Grains, Metal
from tasks.engines.guide.sound.synthesis.drums import Brush, Clap, Kick, Skin, Snare, Struck


class Stroke(Protocol):
    """What makes one stroke, (1 or 2, frames), for a brightness from 0 (soft) to 1 (hard)."""

    def stroke(self, brightness: float) -> Sound:
        """One stroke at a peak of 1."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One drum in its place: level in dB, pan from -1 to 1, the share of its sound in the room, in dB.

    ``loose`` pieces (hats, cymbals, shakers) differ more from stroke to stroke than the others.
    """

    sound: Stroke
    level_db: float = 0.0
    pan: float = 0.0
    room_db: float = -60.0
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Kit:
    """Drums by General MIDI note; ``room_s`` is the length of the room's early echoes."""

    pieces: Mapping[int, Piece]
    room_s: float = 0.035


def _toms(lowest_hz: float, length_s: float, room_db: float) -> dict[int, Piece]:
    """The six toms 41 to 50, low to high, from right to left."""
    ratios = {41: 1.0, 43: 1.19, 45: 1.41, 47: 1.68, 48: 1.95, 50: 2.25}
    return {
        note: Piece(Skin(lowest_hz * ratio, length_s=length_s / ratio**0.35), -2.0, 0.6 - 0.96 * (ratio - 1), room_db)
        for note, ratio in ratios.items()
    }


_CLOSED = Metal(((6500, 15000, 1.0, 0.09), (9000, 17000, 0.7, 0.06)), cluster=0.35, ping=0.25)
_OPEN = Metal(((5000, 12000, 1.0, 1.1), (9000, 17000, 0.6, 0.7), (2500, 6000, 0.4, 0.8)), cluster=0.3, ping=0.2)
_PEDAL = Metal(((5500, 13000, 1.0, 0.07),), cluster=0.3, ping=0.1, swell_s=0.004)
_CRASH = Metal(
    ((700, 2500, 0.5, 1.9), (2500, 5500, 0.9, 3.1), (5000, 10000, 1.0, 3.3), (9500, 16500, 0.5, 2.2)),
    cluster=0.08,
    cluster_hz=3500.0,
    pitch=1.7,
    swell_s=0.003,
    hiss=0.7,
)
_RIDE = Metal(
    ((2200, 5500, 0.6, 2.8), (5500, 11000, 0.7, 2.2), (10000, 16000, 0.3, 1.0)),
    cluster=0.15,
    cluster_hz=3800.0,
    pitch=1.35,
    ping=0.9,
    ping_hz=(3200.0, 8000.0),
    hiss=0.25,
)
_SPLASH = Metal(((3000, 7000, 0.7, 0.6), (6500, 15000, 1.0, 0.7)), cluster=0.15, pitch=2.1)
_CHINA = Metal(((800, 3000, 0.8, 0.9), (3000, 9000, 1.0, 1.0)), cluster=0.4, cluster_hz=1500.0, pitch=1.1)
_TAMBOURINE = Grains((6500, 15000), ((0.0, 1.0), (0.028, 0.35)), swell_s=0.003, length_s=0.14, cluster=0.5)
_SHAKER = Grains((4500, 12000), ((0.0, 0.5), (0.035, 1.0)), swell_s=0.018, length_s=0.07)
_MARACA = Grains((5500, 13000), swell_s=0.004, length_s=0.045)
_CABASA = Grains((5000, 14000), ((0.0, 1.0), (0.02, 0.6)), swell_s=0.008, length_s=0.06)
_RIM = Struck(((480.0, 0.5), (820.0, 0.5), (1720.0, 1.0)), 0.05, attack=0.5)
_COWBELL = Struck(((562.0, 1.0), (845.0, 0.9), (1690.0, 0.3), (2535.0, 0.2)), 0.28)
_CLAVES = Struck(((2480.0, 1.0),), 0.06, attack=0.1)
_TRIANGLE = Struck(((2310.0, 0.5), (5390.0, 1.0), (8130.0, 0.8), (11200.0, 0.4)), 1.2, attack=0.1)
_DAMPED_TRIANGLE = replace(_TRIANGLE, length_s=0.12)


def _percussion(room_db: float) -> dict[int, Piece]:
    """What all kits share: hand drums, shakers and small metal."""
    return {
        54: Piece(_TAMBOURINE, -15.0, 0.45, room_db, loose=True),
        56: Piece(_COWBELL, -13.0, -0.3, room_db),
        60: Piece(Skin(410.0, length_s=0.16), -8.0, 0.4, room_db),
        61: Piece(Skin(290.0, length_s=0.2), -8.0, 0.25, room_db),
        62: Piece(Skin(330.0, drop=1.05, length_s=0.09), -8.0, -0.4, room_db),
        63: Piece(Skin(270.0, drop=1.1, length_s=0.28), -7.0, -0.4, room_db),
        64: Piece(Skin(190.0, drop=1.1, length_s=0.34), -7.0, -0.25, room_db),
        69: Piece(_CABASA, -15.0, -0.5, room_db, loose=True),
        70: Piece(_MARACA, -15.0, 0.5, room_db, loose=True),
        75: Piece(_CLAVES, -14.0, 0.3, room_db),
        80: Piece(_DAMPED_TRIANGLE, -20.0, 0.4, room_db),
        81: Piece(_TRIANGLE, -20.0, 0.4, room_db),
        82: Piece(_SHAKER, -15.0, 0.55, room_db, loose=True),
    }


def _cymbals(level_db: float, room_db: float, *, closed: Metal = _CLOSED, opened: Metal = _OPEN) -> dict[int, Piece]:
    """Hats to the left, ride to the right, crashes to both sides."""
    places = {
        42: (closed, 0.0, -0.35),
        44: (_PEDAL, -4.0, -0.35),
        46: (opened, -1.0, -0.35),
        49: (_CRASH, 4.0, -0.55),
        51: (_RIDE, -1.0, 0.5),
        52: (_CHINA, 2.0, 0.6),
        53: (replace(_RIDE, bell_hz=(1120.0, 2790.0, 4310.0)), -1.0, 0.5),
        55: (_SPLASH, 1.0, 0.3),
        57: (_CRASH, 4.0, 0.6),
        59: (replace(_RIDE, pitch=1.2), -1.0, 0.45),
    }
    return {note: Piece(sound, level_db + db, pan, room_db, loose=True) for note, (sound, db, pan) in places.items()}


def _kit(
    kick: Kick,
    snare: Stroke,
    *,
    snare_db: float = 0.0,
    second_snare: Stroke | None = None,
    clap: Stroke | None = None,
    cymbals: dict[int, Piece],
    toms: dict[int, Piece],
    room_db: float = -16.0,
    room_s: float = 0.035,
) -> Kit:
    pieces = {
        35: Piece(replace(kick, click=0.6 * kick.click), 0.0),
        36: Piece(kick, 0.0),
        37: Piece(_RIM, -8.0, 0.1, room_db),
        38: Piece(snare, snare_db, 0.0, room_db),
        39: Piece(clap or Clap(), -2.5, 0.05, room_db),
        40: Piece(second_snare or snare, snare_db, 0.0, room_db),
    }
    return Kit({**pieces, **toms, **cymbals, **_percussion(room_db)}, room_s)


_MACHINE_CLOSED = Metal(((7000, 16000, 0.6, 0.07),), cluster=1.0, cluster_hz=7000.0, pitch=1.0, ping=0.0)
_MACHINE_OPEN = Metal(((7000, 16000, 0.6, 0.5),), cluster=1.0, cluster_hz=7000.0, pitch=1.0, ping=0.0)
_TRAP_CLOSED = Metal(((8500, 17000, 1.0, 0.045),), cluster=0.5, cluster_hz=9000.0, pitch=1.25, ping=0.1)
_TRAP_OPEN = Metal(((7500, 17000, 1.0, 0.32),), cluster=0.5, cluster_hz=8000.0, pitch=1.25, ping=0.1)

KITS: Mapping[str, Kit] = {
    "standard kit": _kit(
        Kick(),
        Snare(),
        cymbals=_cymbals(-10.0, -14.0),
        toms=_toms(72.0, 1.0, -12.0),
    ),
    "power kit": _kit(
        Kick(start_hz=150.0, end_hz=50.0, length_s=0.42, click=0.55, click_hz=3800.0, drive=2.0),
        Snare(skin_hz=168.0, skin_s=0.3, wires_s=0.34, wires_hz=(1100.0, 8500.0), drive=1.8, crack=0.5),
        snare_db=1.0,
        cymbals=_cymbals(-9.5, -10.0),
        toms=_toms(64.0, 1.1, -9.0),
        room_db=-10.0,
        room_s=0.06,
    ),
    "soul kit": _kit(
        Kick(start_hz=115.0, end_hz=53.0, length_s=0.4, click=0.25, click_hz=2400.0, drive=1.1),
        Snare(skin_hz=205.0, skin_s=0.13, wires_s=0.15, wires=0.6, crack=0.35),
        cymbals=_cymbals(-12.5, -20.0),
        toms=_toms(80.0, 0.45, -18.0),
        room_db=-22.0,
        room_s=0.02,
    ),
    "jazz brush kit": _kit(
        Kick(start_hz=105.0, end_hz=62.0, length_s=0.4, click=0.12, click_hz=1800.0, drive=1.0, shell=0.2),
        Brush(),
        snare_db=-5.0,
        second_snare=Snare(skin_hz=230.0, skin_s=0.18, wires_s=0.2, wires=0.5, crack=0.2),
        cymbals=_cymbals(-18.5, -14.0),
        toms=_toms(88.0, 0.8, -12.0),
        room_db=-13.0,
        room_s=0.045,
    ),
    "folk kit": _kit(
        Kick(start_hz=95.0, end_hz=58.0, length_s=0.36, click=0.1, click_hz=1500.0, drive=1.0, shell=0.25),
        Snare(skin_hz=215.0, skin_s=0.14, wires_s=0.18, wires=0.55, wires_hz=(1600.0, 7500.0), crack=0.15),
        snare_db=-4.0,
        second_snare=Brush(),
        cymbals=_cymbals(-15.0, -14.0),
        toms=_toms(84.0, 0.6, -12.0),
        room_db=-13.0,
        room_s=0.045,
    ),
    "house kit": _kit(
        Kick(
            start_hz=210.0, end_hz=49.0, drop_s=0.022, length_s=0.36, click=0.3, click_hz=4200.0, drive=2.2, shell=0.0
        ),
        Snare(skin_hz=200.0, skin_s=0.15, wires_s=0.2, wires_hz=(1800.0, 11000.0), drive=1.4),
        snare_db=-2.0,
        cymbals=_cymbals(-8.5, -20.0, closed=_MACHINE_CLOSED, opened=_MACHINE_OPEN),
        toms=_toms(80.0, 0.4, -20.0),
        room_db=-18.0,
        room_s=0.03,
    ),
    "trap kit": _kit(
        Kick(start_hz=230.0, end_hz=46.0, drop_s=0.014, length_s=0.3, click=0.6, click_hz=3600.0, drive=2.0, shell=0.0),
        Snare(skin_hz=225.0, skin_s=0.11, wires_s=0.17, wires_hz=(1900.0, 12000.0), wires=0.85, crack=0.6, drive=1.6),
        cymbals=_cymbals(-9.0, -30.0, closed=_TRAP_CLOSED, opened=_TRAP_OPEN),
        toms=_toms(58.0, 0.8, -24.0),
        room_db=-24.0,
        room_s=0.02,
    ),
}
