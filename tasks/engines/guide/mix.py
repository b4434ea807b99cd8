"""The mixing desk: what is done to each part, how loud it is, and the linear bus that adds the parts up.

Effects sit on parts only, so that the stems add up to the mix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pedalboard import (
    Chorus,
    Compressor,
    Delay,
    HighpassFilter,
    HighShelfFilter,
    LowShelfFilter,
    PeakFilter,
    Pedalboard,
    Plugin,
    Reverb,
)

from tasks.engines.guide.sampler import RATE, Stereo

PEAK_DBFS = -4.0
"""Sample peak of the mix."""

FADE_S = 0.1
PART_RMS_DBFS = -20.0
BLOCK = 4410
SILENCE = 1e-5


@dataclass(frozen=True, slots=True)
class Place:
    """A part's place in the mix: level against the tune, pan from -1 to 1, tone, dynamics and room.

    ``drive`` above 0 rounds peaks off; ``mono`` keeps a part in the centre.
    """

    level_db: float
    pan: float = 0.0
    low_cut_hz: float = 120.0
    body: tuple[float, float] = (0.0, 1000.0)
    air_db: float = 0.0
    ratio: float = 2.0
    room: float = 0.5
    wet: float = 0.2
    drive: float = 0.0
    mono: bool = False
    chorus: bool = False
    echo: bool = False
    warmth_db: float = 0.0


PLACES: Mapping[str, Place] = {
    "vocals": Place(0.0, low_cut_hz=140, body=(2.0, 2600), air_db=3.0, ratio=3.0, wet=0.34, echo=True),
    "lead": Place(-1.0, low_cut_hz=140, body=(2.0, 2600), air_db=3.0, ratio=3.0, wet=0.34, echo=True),
    "second voice": Place(-8.0, pan=0.25, low_cut_hz=200, air_db=2.0, ratio=3.0, wet=0.45),
    "drums": Place(-0.5, low_cut_hz=38, body=(-2.0, 420), air_db=4.0, ratio=3.0, room=0.3, wet=0.14, drive=1.0, warmth_db=1.5),
    "bass": Place(-3.0, low_cut_hz=36, body=(2.0, 900), ratio=4.0, wet=0.0, mono=True),
    "chords": Place(-6.0, pan=-0.28, low_cut_hz=130, air_db=4.0, wet=0.24),
    "pad": Place(-10.0, low_cut_hz=180, body=(-1.5, 500), air_db=3.0, room=0.75, wet=0.5, chorus=True),
    "pluck": Place(-10.5, pan=0.42, low_cut_hz=200, air_db=4.0, wet=0.36, echo=True),
    "answers": Place(-7.5, pan=0.32, low_cut_hz=200, air_db=3.0, room=0.65, wet=0.42, echo=True),
}


def process(raw: Stereo, name: str, *, reverb: float, beat_s: float) -> Stereo:
    """A part's raw sound in its place: float32 (2, frames); ``reverb`` 0 to 1 scales its room."""
    place = PLACES[name]
    if place.mono:
        raw[:] = raw.mean(axis=0, dtype=np.float32)
    shaped = _board(_tone(place))(raw, RATE)
    shaped *= _gain_to(shaped, PART_RMS_DBFS)
    squeezed = _board([Compressor(threshold_db=-20, ratio=place.ratio, attack_ms=8, release_ms=140)])(shaped, RATE)
    squeezed *= _gain_to(squeezed, PART_RMS_DBFS + place.level_db)
    if place.drive:
        ceiling = np.float32(10 ** ((PART_RMS_DBFS + place.level_db + 13) / 20) / place.drive)
        squeezed = np.tanh(squeezed / ceiling) * ceiling
    squeezed *= _pan_gains(place.pan)
    rooms = _room(place, reverb, beat_s)
    return _board(rooms)(squeezed, RATE) if rooms else squeezed


def _tone(place: Place) -> list[Plugin]:
    tone: list[Plugin] = [HighpassFilter(place.low_cut_hz), HighpassFilter(place.low_cut_hz)]
    if place.body[0]:
        tone.append(PeakFilter(place.body[1], gain_db=place.body[0], q=0.8))
    if place.air_db:
        tone.append(HighShelfFilter(6500, gain_db=place.air_db))
    if place.warmth_db:
        tone.append(LowShelfFilter(95, gain_db=place.warmth_db))
    if place.chorus:
        tone.append(Chorus(rate_hz=0.6, depth=0.2, mix=0.4))
    return tone


def _room(place: Place, reverb: float, beat_s: float) -> list[Plugin]:
    rooms: list[Plugin] = []
    if place.echo and reverb:
        rooms.append(Delay(delay_seconds=min(1.0, 0.75 * beat_s), feedback=0.22, mix=0.22 * reverb))
    wet = place.wet * reverb
    if wet:
        rooms.append(Reverb(room_size=place.room, damping=0.45, wet_level=wet, dry_level=1 - 0.5 * wet, width=1.0))
    return rooms


def _board(plugins: list[Plugin]) -> Pedalboard:
    return Pedalboard(plugins)


def _pan_gains(pan: float) -> Stereo:
    """Gains of left and right, as a column; 1 and 1 in the centre."""
    angle = (pan + 1) * np.pi / 4
    return np.array([[np.cos(angle)], [np.sin(angle)]], dtype=np.float32) * np.float32(np.sqrt(2))


def _gain_to(audio: Stereo, rms_dbfs: float) -> np.float32:
    """The gain that brings the part, where it plays, to an RMS level; 1 for silence."""
    blocks = audio[:, : audio.shape[1] // BLOCK * BLOCK].reshape(2, -1, BLOCK)
    power = np.square(blocks).mean(axis=(0, 2), dtype=np.float64) if blocks.size else np.zeros(1)
    loudest = float(power.max(initial=0.0))
    if loudest < SILENCE**2:
        return np.float32(1.0)
    playing = float(power[power > loudest * 1e-3].mean())
    return np.float32(10 ** (rms_dbfs / 20) / np.sqrt(playing))


def balance(stems: Mapping[str, Stereo]) -> Stereo:
    """Scale and fade ``stems`` in place, all alike, and return their sum: the mix, peaking at ``PEAK_DBFS``."""
    mix = _sum(stems)
    peak = float(np.abs(mix).max(initial=0.0))
    gain = np.ones(mix.shape[1], dtype=np.float32)
    if peak > SILENCE:
        gain *= np.float32(10 ** (PEAK_DBFS / 20) / peak)
    fade = min(round(FADE_S * RATE), mix.shape[1])
    gain[len(gain) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    for stem in stems.values():
        stem *= gain
    return _sum(stems)


def _sum(stems: Mapping[str, Stereo]) -> Stereo:
    total = np.zeros_like(next(iter(stems.values())))
    for stem in stems.values():
        total += stem
    return total
