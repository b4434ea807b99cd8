"""The mix: effects and level of each part, and the linear bus that adds the parts up.

Effects apply to parts and to the reverbs of stems, never to the mix, so that the stems add up to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pedalboard import (
    Chorus,
    Compressor,
    Delay,
    HighpassFilter,
    HighShelfFilter,
    PeakFilter,
    Plugin,
    Reverb,
)

from catalog.album.mastering import Tone
from catalog.common.errors import WorkError
from tasks.engines.guide.arrangement.score import Stem
from tasks.engines.guide.sound.blocks import Effects, blocks, stereo, unit_powers
from tasks.engines.guide.sound.source import RATE, Sound

PEAK_DBFS = -4.0
"""Sample peak of the mix."""

FADE_S = 0.1
PART_RMS_DBFS = -20.0
WIDENING_FRAMES = 530
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
    "lead": Place(0.5, low_cut_hz=150, body_db_hz=(1.0, 2600), air_db=3.0, ratio=3.0, wet=0.30, headroom_db=9.0),
    "chords": Place(1.5, low_cut_hz=110, body_db_hz=(-1.5, 1700), wet=0.22, doubled=True, side_db=1.5),
    "pad": Place(-4.0, low_cut_hz=200, body_db_hz=(-1.5, 500), wet=0.45, wide=True, side_db=1.5),
    "pluck": Place(-4.5, pan=0.75, low_cut_hz=220, wet=0.36),
    "answers": Place(-4.0, pan=-0.65, low_cut_hz=200, wet=0.40),
}

LEVELS_DB: Mapping[Tone, Mapping[str, float]] = {
    "electronic": {"bass": 4.5, "drums": 3.0, "chords": 1.5, "pad": 1.5},
    "jazz": {"bass": 2.5},
    "acoustic": {"bass": 1.0},
    "hip-hop": {"bass": 5.0, "drums": 2.5, "chords": 1.5, "pad": 1.5},
}
"""How much louder a part is in mixes of some tones: the low end carries dance music, an upright bass has little."""

ROOMS: Mapping[Stem, Room] = {
    "vocals": Room(0.55, echo=0.3),
    "drums": Room(0.35),
    "bass": Room(0.2),
    "other": Room(0.7),
}


def mix_stem(
    parts: Iterable[tuple[str, Sound]],
    stem: Stem,
    *,
    frames: int,
    reverb: float,
    beat_s: float,
    tone: Tone = "balanced",
) -> Sound:
    """The parts of one stem in their places with reverb: float32 (2, frames), or (1, frames) where both sides are the
    same.

    ``parts`` are names of ``PLACES`` with their dry audio, taken one at a time and changed in place; ``reverb`` 0 to 1
    scales the reverb; ``tone`` is the curve that the mix will be brought nearer to.
    """
    total: Sound | None = None
    send: Sound | None = None
    first_wet = 0.0
    for name, sound in parts:
        place = PLACES[name]
        place = replace(place, level_db=place.level_db + LEVELS_DB.get(tone, {}).get(name, 0.0))
        placed_sound = _panned(_shaped(sound, place), place)
        del sound  # before the next part is played: each is a song's length of audio
        if total is None:
            total, first_wet = placed_sound, place.wet * reverb
            continue
        send = total * np.float32(first_wet) if send is None else send
        if len(placed_sound) == 2:
            total = stereo(total)
            send = stereo(send)
        for block in blocks(frames):
            total[:, block] += placed_sound[:, block]
            send[:, block] += placed_sound[:, block] * np.float32(place.wet * reverb)
        del placed_sound
    if total is None:
        return np.zeros((1, frames), dtype=np.float32)
    if reverb and (send is not None or first_wet):
        total = stereo(total)
        room = Effects(_room(ROOMS[stem], beat_s))
        for block in blocks(frames):
            total[:, block] += room(total[:, block] * np.float32(first_wet) if send is None else send[:, block])
    return total


def _shaped(raw: Sound, placement: Place) -> Sound:
    """Level, dynamics, tone, rounded peaks, and level again, so that every instrument ends equally loud; in place.

    Where a part is silent for a block and more nothing is done.
    """
    frames = raw.shape[1]
    level = _gain_to(_loud_power(raw), PART_RMS_DBFS)
    chain = Effects(_dynamics_and_tone(placement))
    # The high-pass comes last: distortion of an asymmetric wave leaves some DC.
    cut = Effects([HighpassFilter(placement.low_cut_hz)])
    ceiling = np.float32(10 ** ((PART_RMS_DBFS + placement.headroom_db) / 20))
    powers: list[NDArray[np.float64]] = []
    sounded = False
    for block in blocks(frames):
        sounds = bool(raw[:, block].any())
        if sounds or sounded:
            toned_sound = chain(raw[:, block] * level)
            toned_sound /= ceiling
            raw[:, block] = cut(np.tanh(toned_sound, out=toned_sound))
        powers.append(unit_powers(raw[:, block]))
        sounded = sounds
    level = _gain_to(_loud_mean(np.concatenate(powers)), PART_RMS_DBFS + placement.level_db)
    for block in blocks(frames):
        raw[:, block] *= level
    return raw


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
    """At constant power, with gain 1 and 1 in the centre; doubled parts stand at both sides. (2, frames), or (1,
    frames) for one channel in the centre."""
    if placement.doubled:
        return widened(_mixed_sides(stereo(sound), *DOUBLES), placement.side_db)
    if len(sound) == 1 and not placement.pan and not placement.wide:
        return sound
    angle = (placement.pan + 1) * np.pi / 4
    gains = np.array([[np.cos(angle)], [np.sin(angle)]], dtype=np.float32) * np.float32(np.sqrt(2))
    both: Sound = sound * gains if len(sound) == 1 else np.multiply(sound, gains, out=sound)
    if len(sound) == 2:
        both = widened(both, placement.side_db)
    if placement.wide:
        both[1, WIDENING_FRAMES:] = both[1, :-WIDENING_FRAMES].copy()
        both[1, :WIDENING_FRAMES] = 0
    return both


def widened(both: Sound, side_db: float) -> Sound:
    """The difference of the sides louder by ``side_db``, in place."""
    side = 10 ** (side_db / 20)
    return _mixed_sides(both, (1 + side) / 2, (1 - side) / 2) if side_db else both


def _mixed_sides(sound: Sound, own: float, other: float) -> Sound:
    """Each side at the gain ``own`` with some of the other, in place."""
    for block in blocks(sound.shape[1]):
        swapped = sound[::-1, block] * np.float32(other)
        sound[:, block] *= np.float32(own)
        sound[:, block] += swapped
    return sound


def _loud_power(sound: Sound) -> float:
    return _loud_mean(np.concatenate([unit_powers(sound[:, block]) for block in blocks(sound.shape[1])]))


def _loud_mean(powers: NDArray[np.float64]) -> float:
    """The mean power of the audible units; 0 for silence."""
    highest_power = float(powers.max(initial=0.0))
    return float(powers[powers > highest_power * 1e-3].mean()) if highest_power >= SILENT_PEAK**2 else 0.0


def _gain_to(power: float, rms_dbfs: float) -> np.float32:
    """The gain that brings a power to an RMS level; 1 for silence."""
    return np.float32(10 ** (rms_dbfs / 20) / np.sqrt(power)) if power else np.float32(1.0)


def balance(stems: Mapping[Stem, Sound]) -> None:
    """Scale and fade ``stems`` in place, all alike, so that their sum peaks at ``PEAK_DBFS``. Raises WorkError where
    samples are not numbers."""
    frames = max(stem.shape[1] for stem in stems.values())
    peaks = [float(np.abs(_sum(stems, block)).max(initial=0.0)) for block in blocks(frames)]
    peak = float(np.max(peaks))
    if not np.isfinite(peak):
        raise WorkError("The guide's mix holds values that are not numbers", remedy="Try another seed")
    gain = np.float32(10 ** (PEAK_DBFS / 20) / peak) if peak > SILENT_PEAK else np.float32(1.0)
    fade = np.linspace(1, 0, min(round(FADE_S * RATE), frames), dtype=np.float32)
    for stem in stems.values():
        stem *= gain
        stem[:, frames - len(fade) :] *= fade


def added_up(stems: Mapping[Stem, Sound]) -> Sound:
    """The sum of stems (2, frames), in the memory of one of them."""
    total = stereo(next((stem for stem in stems.values() if len(stem) == 2), next(iter(stems.values()))))
    for block in blocks(total.shape[1]):
        total[:, block] = _sum(stems, block)
    return total


def _sum(stems: Mapping[Stem, Sound], block: slice) -> Sound:
    total = np.zeros((2, 1), dtype=np.float32)
    for stem in stems.values():
        total = total + stem[:, block]
    return total
