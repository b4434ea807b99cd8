"""The mix: effects and level of each part, and the linear bus that adds the parts up.

Effects apply to parts and to the reverbs of stems, never to the mix, so that the stems add up to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from pedalboard import (  # type: ignore[attr-defined]  # its stub does not export Pedalboard
    Chorus,
    Compressor,
    Delay,
    HighpassFilter,
    HighShelfFilter,
    PeakFilter,
    Pedalboard,
    Plugin,
    Reverb,
)

from tasks.engines.guide.arrangement.score import Stem
from tasks.engines.guide.sound.source import RATE, Sound

PEAK_DBFS = -4.0
"""Sample peak of the mix."""

FADE_S = 0.1
PART_RMS_DBFS = -20.0
WIDENING_FRAMES = 530
BLOCK = 4410
SILENT_PEAK = 1e-5
DOUBLES = (1.397, 0.221)
"""Gains of a performance on its own side and on the other: constant power at a pan of 0.8."""


@dataclass(frozen=True, slots=True)
class Place:
    """A part's place in the mix: level relative to the tune, pan from -1 to 1, tone, dynamics and reverb send.

    ``body_db_hz`` is a gain and its centre frequency; ``ratio`` 1 leaves dynamics unchanged; peaks higher than
    ``headroom_db`` above the part's level are rounded off; ``wide`` delays one side by some milliseconds; ``doubled``
    parts are two performances, one to each side; ``side_db`` makes the difference of the sides louder.
    """

    level_db: float
    pan: float = 0.0
    low_cut_hz: float = 120.0
    body_db_hz: tuple[float, float] = (0.0, 1000.0)
    air_db: float = 0.0
    ratio: float = 1.0
    wet: float = 0.2
    headroom_db: float = 11.0
    wide: bool = False
    doubled: bool = False
    side_db: float = 0.0


@dataclass(frozen=True, slots=True)
class Room:
    """A stem's reverb: Freeverb size 0 to 1, and the share of a dotted-eighth echo in it."""

    size: float
    echo: float = 0.0


PLACES: Mapping[str, Place] = {
    "vocals": Place(-1.5, low_cut_hz=150, body_db_hz=(1.0, 2600), air_db=3.0, ratio=3.0, wet=0.30, headroom_db=9.0),
    "second voice": Place(-9.0, pan=0.45, low_cut_hz=200, wet=0.40),
    "drums": Place(1.5, low_cut_hz=28, body_db_hz=(2.0, 90), ratio=2.0, wet=0.10, headroom_db=8.0),
    "bass": Place(0.5, low_cut_hz=28, body_db_hz=(3.5, 120), ratio=4.0, wet=0.0, headroom_db=7.0),
    "lead": Place(-2.0, low_cut_hz=150, body_db_hz=(1.0, 2600), air_db=3.0, ratio=3.0, wet=0.30, headroom_db=9.0),
    "chords": Place(-4.0, low_cut_hz=110, body_db_hz=(-1.5, 1700), wet=0.22, doubled=True, side_db=1.5),
    "pad": Place(-9.0, low_cut_hz=200, body_db_hz=(-1.5, 500), wet=0.45, wide=True, side_db=1.5),
    "pluck": Place(-9.0, pan=0.75, low_cut_hz=220, wet=0.36),
    "answers": Place(-7.0, pan=-0.65, low_cut_hz=200, wet=0.40),
}

ROOMS: Mapping[Stem, Room] = {
    "vocals": Room(0.55, echo=0.3),
    "drums": Room(0.35),
    "bass": Room(0.2),
    "other": Room(0.7),
}


def mix_stem(parts: Iterable[tuple[str, Sound]], stem: Stem, *, frames: int, reverb: float, beat_s: float) -> Sound:
    """The parts of one stem in their places with reverb: stereo float32 (2, frames).

    ``parts`` are names of ``PLACES`` with their dry audio, taken one at a time; ``reverb`` 0 to 1 scales the reverb.
    """
    dry_mix = np.zeros((2, frames), dtype=np.float32)
    send = np.zeros((2, frames), dtype=np.float32)
    for name, sound in parts:
        place = PLACES[name]
        panned_sound = _panned(_shaped(sound, place), place)
        dry_mix += panned_sound
        panned_sound *= np.float32(place.wet * reverb)
        send += panned_sound
        del sound, panned_sound  # before the next part is played: each is a song's length of audio
    if send.any():
        dry_mix += Pedalboard(_room(ROOMS[stem], beat_s))(send, RATE)
    return dry_mix


def _shaped(raw: Sound, placement: Place) -> Sound:
    """Level, dynamics, tone, rounded peaks, and level again, so that every instrument ends equally loud."""
    raw *= _gain_to(raw, PART_RMS_DBFS)
    chain = _dynamics_and_tone(placement)
    toned_sound: Sound = Pedalboard(chain)(raw, RATE) if chain else raw
    ceiling = np.float32(10 ** ((PART_RMS_DBFS + placement.headroom_db) / 20))
    toned_sound /= ceiling
    np.tanh(toned_sound, out=toned_sound)
    # The high-pass comes last: distortion of an asymmetric wave leaves some DC.
    shaped_sound: Sound = Pedalboard([HighpassFilter(placement.low_cut_hz)])(toned_sound, RATE)
    shaped_sound *= _gain_to(shaped_sound, PART_RMS_DBFS + placement.level_db)
    return shaped_sound


def _dynamics_and_tone(placement: Place) -> list[Plugin]:
    chain: list[Plugin] = []
    if placement.ratio > 1:
        chain.append(Compressor(PART_RMS_DBFS, placement.ratio, attack_ms=8, release_ms=140))
    if placement.body_db_hz[0]:
        chain.append(PeakFilter(placement.body_db_hz[1], gain_db=placement.body_db_hz[0], q=0.8))
    if placement.air_db:
        chain.append(HighShelfFilter(6500, gain_db=placement.air_db))
    if placement.wide:
        chain.append(Chorus(rate_hz=0.6, depth=0.2, mix=0.4))
    return chain


def _room(room: Room, beat_s: float) -> list[Plugin]:
    reverb = Reverb(room_size=room.size, damping=0.4, wet_level=1.0, dry_level=0.0, width=1.0)
    if not room.echo:
        return [reverb]
    return [Delay(delay_seconds=min(1.0, 0.75 * beat_s), feedback=0.2, mix=room.echo), reverb]


def _panned(sound: Sound, placement: Place) -> Sound:
    """Stereo (2, frames) at constant power, with gain 1 and 1 in the centre; doubled parts stand at both sides."""
    if placement.doubled:
        return widened(_mixed_sides(sound, *DOUBLES), placement.side_db)
    angle = (placement.pan + 1) * np.pi / 4
    gains = np.array([[np.cos(angle)], [np.sin(angle)]], dtype=np.float32) * np.float32(np.sqrt(2))
    stereo: Sound = sound * gains if len(sound) == 1 else np.multiply(sound, gains, out=sound)
    if len(sound) == 2:
        stereo = widened(stereo, placement.side_db)
    if placement.wide:
        stereo[1, WIDENING_FRAMES:] = stereo[1, :-WIDENING_FRAMES].copy()
        stereo[1, :WIDENING_FRAMES] = 0
    return stereo


def widened(stereo: Sound, side_db: float) -> Sound:
    """The difference of the sides louder by ``side_db``, in place."""
    side = 10 ** (side_db / 20)
    return _mixed_sides(stereo, (1 + side) / 2, (1 - side) / 2) if side_db else stereo


def _mixed_sides(sound: Sound, own: float, other: float) -> Sound:
    """Each side at the gain ``own`` with some of the other, in place."""
    swapped = sound[::-1] * np.float32(other)
    sound *= np.float32(own)
    sound += swapped
    return sound


def _gain_to(sound: Sound, rms_dbfs: float) -> np.float32:
    """The gain that brings the audible part to an RMS level over its channels; 1 for silence."""
    blocks = sound[:, : sound.shape[1] // BLOCK * BLOCK].reshape(len(sound), -1, BLOCK)
    power = np.einsum("cbi,cbi->b", blocks, blocks) / (BLOCK * len(sound))
    highest_power = float(power.max(initial=0.0))
    if highest_power < SILENT_PEAK**2:
        return np.float32(1.0)
    mean_power = float(power[power > highest_power * 1e-3].mean())
    return np.float32(10 ** (rms_dbfs / 20) / np.sqrt(mean_power))


def balance(stems: Mapping[Stem, Sound]) -> Sound:
    """Scale and fade ``stems`` in place, all alike; returns their sum, the mix (2, frames), peaking at
    ``PEAK_DBFS``."""
    mix = _sum(stems)
    peak = max(float(mix.max(initial=0.0)), -float(mix.min(initial=0.0)))
    gain = np.float32(10 ** (PEAK_DBFS / 20) / peak) if peak > SILENT_PEAK else np.float32(1.0)
    fade = np.linspace(1, 0, min(round(FADE_S * RATE), mix.shape[1]), dtype=np.float32)
    for stem in stems.values():
        stem *= gain
        stem[:, stem.shape[1] - len(fade) :] *= fade
    return _sum(stems)


def _sum(stems: Mapping[Stem, Sound]) -> Sound:
    first_stem, *other_stems = stems.values()
    total = first_stem.copy()
    for stem in other_stems:
        total += stem
    return total
