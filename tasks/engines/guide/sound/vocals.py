"""The sung voice in the mix: its chain of effects, its room, and its place above the band."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pedalboard import (
    Compressor,
    Delay,
    HighpassFilter,
    HighShelfFilter,
    LowpassFilter,
    PeakFilter,
    Plugin,
    Reverb,
)

from catalog.album.mastering import Tone
from tasks.audio.metering.loudness import k_weighting
from tasks.engines.guide.arrangement.score import Stem
from tasks.engines.guide.sound.blocks import Effects, Filter, blocks, peak_section, stereo
from tasks.engines.guide.sound.source import RATE, Sound

VOICE_OVER_BAND_LU = 2.4
LOW_VOICE_OVER_BAND_LU: Mapping[Tone, float] = {"electronic": 1.5, "hip-hop": 1.2}
"""Where kick and bass are most of the band's loudness, the voice need not be far above it."""

BAND_DIP_HZ, BAND_DIP_DB, BAND_DIP_Q = 2500.0, -4.0, 0.6
BAND_DUCK_DB = -1.0
DUCK_RAMP_S = 0.08
SHORTEST_PAUSE_S = 0.6
"""The band does not come up in a shorter pause of the voice."""

PLATE_SEND, ECHO_SEND = 0.16, 0.10
USUAL_REVERB = 0.4
"""The setting ``reverb`` at which the sends have these values."""

PLATE_DELAY_S, SEND_LOW_CUT_HZ = 0.020, 250.0
OFFSET_CUT_HZ = 60.0
"""Compressors give pulses, which are not symmetric, an offset."""

DE_ESS_HZ, DE_ESS_DB, DE_ESS_RATIO = (5500.0, 14000.0), -40.0, 4.5


@dataclass(frozen=True, slots=True)
class VoicePlace:
    """A voice beside the lead: level in dB below it, pan from -1 to 1, delay in seconds."""

    level_db: float = 0.0
    pan: float = 0.0
    delay_s: float = 0.0


VOICE_PLACES: Mapping[str, VoicePlace] = {
    "vocals": VoicePlace(),
    "double left": VoicePlace(-9.5, -0.8, 0.018),
    "double right": VoicePlace(-9.5, 0.8, 0.027),
    "second voice": VoicePlace(-7.0, 0.45),
}


def mix_voices(voices: Iterable[tuple[str, Sound]], *, frames: int, reverb: float, beat_s: float) -> Sound:
    """Sung voices, each (1, frames) and named as in ``VOICE_PLACES``, as one stem with its room: (2, frames)."""
    total = np.zeros((2, frames), dtype=np.float32)
    for name, sound in voices:
        _add_voice(total, sound, VOICE_PLACES[name])
        del sound  # before the next one sings
    amount = reverb / USUAL_REVERB
    if amount > 0:
        cut, plate, echo = Effects([HighpassFilter(SEND_LOW_CUT_HZ)]), Effects(_plate()), Effects(_echo(beat_s))
        for block in blocks(frames):
            send = cut(total[:, block])
            total[:, block] += plate(send) * np.float32(PLATE_SEND * amount)
            total[:, block] += echo(send) * np.float32(ECHO_SEND * amount)
    return total


def _add_voice(total: Sound, sound: Sound, place: VoicePlace) -> None:
    """A voice through its chain, added in its place; nothing is done where it is silent for a block and more."""
    chain, de_esser = Effects(_chain()), _DeEsser()
    angle = (place.pan + 1) * np.pi / 4
    level = np.sqrt(2) * 10 ** (place.level_db / 20)
    gains = (level * np.array([[np.cos(angle)], [np.sin(angle)]])).astype(np.float32)
    late = round(place.delay_s * RATE)
    sounded = False
    for block in blocks(sound.shape[1]):
        sounds = bool(sound[:, block].any())
        if sounds or sounded:
            target = total[:, block.start + late : block.stop + late]
            target += (de_esser(chain(sound[:, block])) * gains)[:, : target.shape[1]]
        sounded = sounds


def _chain() -> list[Plugin]:
    return [
        HighpassFilter(110),
        PeakFilter(280, gain_db=-2.5, q=0.9),
        PeakFilter(650, gain_db=-4.0, q=0.7),
        Compressor(-24, 3.0, attack_ms=6, release_ms=90),
        Compressor(-16, 6.0, attack_ms=1, release_ms=60),
        HighpassFilter(OFFSET_CUT_HZ),
        PeakFilter(3000, gain_db=3.0, q=0.8),
        HighShelfFilter(9000, gain_db=3.0),
    ]


class _DeEsser:
    """Compresses the band of hisses; the rest of the sound is unchanged."""

    def __init__(self) -> None:
        self._band = Effects([HighpassFilter(DE_ESS_HZ[0]), LowpassFilter(DE_ESS_HZ[1])])
        self._compressor = Effects([Compressor(DE_ESS_DB, DE_ESS_RATIO, attack_ms=1, release_ms=60)])

    def __call__(self, block: Sound) -> Sound:
        hiss = self._band(block)
        changed_block: Sound = block - hiss + self._compressor(hiss)
        return changed_block


def _plate() -> list[Plugin]:
    room = Reverb(room_size=0.5, damping=0.3, wet_level=1.0, dry_level=0.0, width=1.0)
    return [Delay(delay_seconds=PLATE_DELAY_S, feedback=0.0, mix=1.0), room]


def _echo(beat_s: float) -> list[Plugin]:
    return [Delay(delay_seconds=beat_s / 2, feedback=0.25, mix=1.0)]


def seat_voice(stems: Mapping[Stem, Sound], spans_s: Sequence[tuple[float, float]], tone: Tone = "balanced") -> None:
    """Bring the stem ``vocals`` above the band while it sings, in place: the band makes room, the voice gets its level.

    ``spans_s`` are the sung times, ``tone`` the mix's curve. Loudness is K-weighted (ITU-R BS.1770), over sung time.
    """
    others = [stem for name, stem in stems.items() if name != "vocals"]
    spans_s = _joined(spans_s)
    if not spans_s or not others:
        return
    frames = stems["vocals"].shape[1]
    dip = peak_section(BAND_DIP_HZ, BAND_DIP_DB, BAND_DIP_Q)[np.newaxis].astype(np.float32)
    dips = [Filter(dip) for _ in others]
    meters = {"band": _Meter(), "voice": _Meter()}
    for block in blocks(frames):
        envelope = _envelope(block, spans_s)
        if not envelope.any():
            continue
        for stem, dipped in zip(others, dips, strict=True):
            change = dipped(stem[:, block])
            change *= np.float32(10 ** (BAND_DUCK_DB / 20))
            change -= stem[:, block]
            change *= envelope
            stem[:, block] += change
        meters["band"].add(sum((stem[:, block] for stem in others[1:]), stereo(others[0][:, block])), envelope)
        meters["voice"].add(stems["vocals"][:, block], envelope)
    band_power, voice_power = meters["band"].power, meters["voice"].power
    if band_power > 0 and voice_power > 0:
        over_lu = LOW_VOICE_OVER_BAND_LU.get(tone, VOICE_OVER_BAND_LU)
        stems["vocals"][:] *= np.float32(np.sqrt(band_power / voice_power * 10 ** (over_lu / 10)))


def _joined(spans_s: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for start_s, end_s in sorted(spans_s):
        if joined and start_s - joined[-1][1] < SHORTEST_PAUSE_S:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end_s))
        else:
            joined.append((start_s, end_s))
    return joined


class _Meter:
    """The mean K-weighted power of sung time; its filter begins anew after a pause, within a few milliseconds."""

    def __init__(self) -> None:
        self._weighting = Filter(k_weighting(RATE))
        self._energy, self._frames = 0.0, 0.0

    def add(self, block: Sound, envelope: NDArray[np.float32]) -> None:
        """Take the next block, as far as it is sung."""
        weighted = self._weighting(block)
        self._energy += float(np.einsum("cn,cn,n->", weighted, weighted, envelope)) * 2 / len(block)
        self._frames += float(envelope.sum())

    @property
    def power(self) -> float:
        """Of both channels together."""
        return self._energy / self._frames if self._frames else 0.0


def _envelope(block: slice, spans_s: Sequence[tuple[float, float]]) -> NDArray[np.float32]:
    """1 in the spans, 0 outside, with ramps before and after them, for the frames of a block."""
    first_s, end_s = block.start / RATE - DUCK_RAMP_S, block.stop / RATE + DUCK_RAMP_S
    near = [span for span in spans_s if span[1] > first_s and span[0] < end_s]
    times = [time for start, end in near for time in (start - DUCK_RAMP_S, start, end, end + DUCK_RAMP_S)]
    if not near:
        return np.zeros(block.stop - block.start, dtype=np.float32)
    levels = [0.0, 1.0, 1.0, 0.0] * len(near)
    return np.interp(np.arange(block.start, block.stop) / RATE, times, levels).astype(np.float32)
