"""The sung voice in the mix: its chain of effects, its room, and its place above the band."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pedalboard import (  # type: ignore[attr-defined]  # its stub does not export Pedalboard
    Compressor,
    Delay,
    Gain,
    HighpassFilter,
    HighShelfFilter,
    LowpassFilter,
    PeakFilter,
    Pedalboard,
    Plugin,
    Reverb,
)

from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import UNIT_MS, unit_powers
from tasks.engines.guide.arrangement.score import Stem
from tasks.engines.guide.sound.source import RATE, Sound

VOICE_OVER_BAND_LU = 4.0
BAND_DIP_HZ, BAND_DIP_DB, BAND_DIP_Q = 2500.0, -4.0, 0.6
BAND_DUCK_DB = -1.0
DUCK_RAMP_S = 0.08
SHORTEST_PAUSE_S = 0.6
"""The band does not come up in a shorter pause of the voice."""

PLATE_SEND, ECHO_SEND = 0.16, 0.10
USUAL_REVERB = 0.4
"""The setting ``reverb`` at which the sends have these values."""

PLATE_DELAY_S, PLATE_LOW_CUT_HZ = 0.020, 250.0
OFFSET_CUT_HZ = 60.0
"""Compressors give pulses, which are not symmetric, an offset."""

DE_ESS_HZ, DE_ESS_DB, DE_ESS_RATIO = (6000.0, 9000.0), -38.0, 4.0


@dataclass(frozen=True, slots=True)
class VoicePlace:
    """A voice beside the lead: level in dB below it, pan from -1 to 1, delay in seconds."""

    level_db: float = 0.0
    pan: float = 0.0
    delay_s: float = 0.0


VOICE_PLACES: Mapping[str, VoicePlace] = {
    "vocals": VoicePlace(),
    "double left": VoicePlace(-11.0, -0.7, 0.018),
    "double right": VoicePlace(-11.0, 0.7, 0.027),
    "second voice": VoicePlace(-7.0, 0.3),
}


def mix_voices(voices: Iterable[tuple[str, Sound]], *, frames: int, reverb: float, beat_s: float) -> Sound:
    """Sung voices, each (1, frames) and named as in ``VOICE_PLACES``, as one stem with its room: (2, frames)."""
    dry = np.zeros((2, frames), dtype=np.float32)
    for name, sound in voices:
        place = VOICE_PLACES[name]
        late = round(place.delay_s * RATE)
        angle = (place.pan + 1) * np.pi / 4
        shaped = _shaped(sound)[0, : frames - late] * np.float32(np.sqrt(2) * 10 ** (place.level_db / 20))
        dry[0, late:] += shaped * np.float32(np.cos(angle))
        dry[1, late:] += shaped * np.float32(np.sin(angle))
    amount = reverb / USUAL_REVERB
    if amount > 0:
        plate = Pedalboard(_plate())(dry, RATE)
        echo = Pedalboard(_echo(beat_s))(dry, RATE)
        dry += plate * np.float32(PLATE_SEND * amount)
        dry += echo * np.float32(ECHO_SEND * amount)
    return dry


def _shaped(sound: Sound) -> Sound:
    chain: list[Plugin] = [
        HighpassFilter(110),
        PeakFilter(280, gain_db=-2.5, q=0.9),
        Compressor(-24, 3.0, attack_ms=6, release_ms=90),
        Compressor(-16, 6.0, attack_ms=1, release_ms=60),
        HighpassFilter(OFFSET_CUT_HZ),
        PeakFilter(3000, gain_db=2.5, q=0.8),
        HighShelfFilter(9000, gain_db=3.0),
    ]
    shaped: Sound = Pedalboard(chain)(sound, RATE)
    return _de_essed(shaped)


def _de_essed(sound: Sound) -> Sound:
    """The band of hisses compressed; the rest of the sound unchanged."""
    band: list[Plugin] = [HighpassFilter(DE_ESS_HZ[0]), LowpassFilter(DE_ESS_HZ[1])]
    hiss: Sound = Pedalboard(band)(sound, RATE)
    tamed: Sound = Pedalboard([Compressor(DE_ESS_DB, DE_ESS_RATIO, attack_ms=1, release_ms=60)])(hiss, RATE)
    return sound - hiss + tamed


def _plate() -> list[Plugin]:
    room = Reverb(room_size=0.5, damping=0.3, wet_level=1.0, dry_level=0.0, width=1.0)
    return [Delay(delay_seconds=PLATE_DELAY_S, feedback=0.0, mix=1.0), HighpassFilter(PLATE_LOW_CUT_HZ), room]


def _echo(beat_s: float) -> list[Plugin]:
    return [Delay(delay_seconds=beat_s / 2, feedback=0.25, mix=1.0), HighpassFilter(PLATE_LOW_CUT_HZ)]


def seat_voice(stems: Mapping[Stem, Sound], spans_s: Sequence[tuple[float, float]]) -> None:
    """Bring the stem ``vocals`` above the band while it sings, in place: the band makes room, the voice gets its level.

    ``spans_s`` are the sung times. Loudness is K-weighted (ITU-R BS.1770), over sung time.
    """
    others = [name for name in stems if name != "vocals"]
    spans_s = _joined(spans_s)
    if not spans_s or not others:
        return
    for name in others:
        _duck(stems[name], spans_s)
    band = sum((stems[name] for name in others[1:]), stems[others[0]].copy())
    band_power, voice_power = (_sung_power(sound, spans_s) for sound in (band, stems["vocals"]))
    if band_power > 0 and voice_power > 0:
        stems["vocals"][:] *= np.float32(np.sqrt(band_power / voice_power * 10 ** (VOICE_OVER_BAND_LU / 10)))


def _joined(spans_s: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for start_s, end_s in sorted(spans_s):
        if joined and start_s - joined[-1][1] < SHORTEST_PAUSE_S:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end_s))
        else:
            joined.append((start_s, end_s))
    return joined


def _duck(sound: Sound, spans_s: Sequence[tuple[float, float]]) -> None:
    """Lower a stem in the sung spans, in place, most around 2.5 kHz."""
    board = Pedalboard([PeakFilter(BAND_DIP_HZ, gain_db=BAND_DIP_DB, q=BAND_DIP_Q), Gain(BAND_DUCK_DB)])
    change = board(sound, RATE)
    change -= sound
    change *= _envelope(sound.shape[1], spans_s)
    sound += change


def _envelope(frames: int, spans_s: Sequence[tuple[float, float]]) -> NDArray[np.float32]:
    """1 in the spans, 0 outside, with ramps before and after them."""
    times: list[float] = []
    levels: list[float] = []
    for start_s, end_s in spans_s:
        times += [start_s - DUCK_RAMP_S, start_s, end_s, end_s + DUCK_RAMP_S]
        levels += [0.0, 1.0, 1.0, 0.0]
    envelope: NDArray[np.float32] = np.interp(np.arange(frames) / RATE, times, levels).astype(np.float32)
    return envelope


def _sung_power(sound: Sound, spans_s: Sequence[tuple[float, float]]) -> float:
    powers = unit_powers(Audio(sound, RATE))
    is_sung = np.zeros(len(powers), dtype=bool)
    for start_s, end_s in spans_s:
        is_sung[round(start_s * 1000 / UNIT_MS) : round(end_s * 1000 / UNIT_MS)] = True
    return float(powers[is_sung].mean()) if is_sung.any() else 0.0
