"""Plays the instruments of a SoundFont: each pitch and layer is made once per part, then added at each of its notes.

Envelopes, tuning and filters follow the SoundFont 2.04 specification (sections 8 and 9), with two deviations: the
filter's sweep is a cross-fade between its two ends, and modulators other than velocity are left out.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import sosfilt

from tasks.engines.guide.arrangement.score import DRUM_BANK, Part
from tasks.engines.guide.sound.fonts.generators import (
    ATTACK,
    ATTENUATION,
    COARSE_TUNE,
    DECAY,
    ENV_TO_CUTOFF,
    FILTER_CUTOFF,
    FILTER_Q,
    FINE_TUNE,
    HOLD,
    MOD_DECAY,
    MOD_SUSTAIN,
    PAN,
    RELEASE,
    ROOT_KEY,
    SAMPLE_MODES,
    SCALE_TUNING,
    SUSTAIN,
)
from tasks.engines.guide.sound.fonts.soundfont import SoundFont, Zone, zones_at
from tasks.engines.guide.sound.source import RATE, Mono, Request, Sound, Tone, frames_with_release, play

SILENT_DB = 100.0  # Envelopes fall 100 dB in their stated time (section 8.1.2).
ATTENUATION_SCALE = 0.04  # dB per centibel as the EMU hardware played it, which fonts are tuned for.
OPEN_FILTER_HZ = 17000.0
SHORTEST_RELEASE_S = 0.12
DRUM_RING_S = 2.5
ATTACK_FLOOR_S = 0.002
MOST_STEP = 64.0
COPY_CENTS, COPY_DB = (-15.0, 15.0), (-1.0, 1.0)
TAKE_CENTS = 4.0
SOFTER_DB = dict.fromkeys((42, 44, 46, 54, 69, 70, 82), -6.0)
"""Hats, tambourine and shakers, which SoundFonts have too loud for a mix, by drum note."""


class Sampler:
    """Plays notes with the instruments of one SoundFont; keeps no audio between calls."""

    def __init__(self, font: SoundFont) -> None:
        self._font = font

    def play(self, part: Part, *, frames: int, take: int = 0) -> Sound:
        """The part's dry audio: float32 (2, frames), or (1, frames) where the part is ``mono``."""
        return play(FontInstrument(self._font, part.program, part.bank), part, frames=frames, take=take)


class FontInstrument:
    """One instrument of a SoundFont as a source of tones; of drums two detuned copies alternate."""

    def __init__(self, font: SoundFont, program: int, bank: int) -> None:
        self._font = font
        self._zones = font.zones(program, bank=bank)
        self._is_drums = bank == DRUM_BANK
        self.copies = 2 if self._is_drums else 1

    def layer(self, pitch: int, velocity: int) -> Hashable:
        """The zones that sound, by their index."""
        sounding = {id(zone) for zone in zones_at(self._zones, pitch, velocity)}
        return tuple(index for index, zone in enumerate(self._zones) if id(zone) in sounding)

    def tone(self, request: Request) -> Tone:
        """The mixture of the layer's zones."""
        assert isinstance(request.layer, tuple)
        zones = [self._zones[index] for index in request.layer]
        release_s = max(SHORTEST_RELEASE_S, max(_seconds(zone.value(RELEASE)) for zone in zones))
        frames = frames_with_release(DRUM_RING_S if self._is_drums else request.hold_s, release_s)
        cents, gain = TAKE_CENTS * request.take, 1.0
        if self._is_drums:
            level_db = COPY_DB[request.copy] + SOFTER_DB.get(request.pitch, 0.0)
            cents, gain = COPY_CENTS[request.copy], 10 ** (level_db / 20)
        mixture = np.zeros((request.channels, frames), dtype=np.float32)
        bend = _singing_cents(frames) if request.sung else None
        for zone in zones:
            step = _step(zone, request.pitch, cents)
            mono = _swept(zone, self._resampled(zone, step, frames, bend)) * _envelope(zone, frames)
            mono *= np.float32(gain)
            if request.channels == 1:
                mixture += mono
                continue
            for channel, pan_gain in zip(mixture, _pan(zone.value(PAN)), strict=True):
                channel += mono * pan_gain
        return Tone(mixture, SILENT_DB / release_s, rings=self._is_drums)

    def _resampled(self, zone: Zone, step: float, frames: int, bend_cents: NDArray[np.float64] | None) -> Mono:
        """The zone's sample, looped where it loops, by cubic interpolation (Catmull-Rom), shape (frames,)."""
        recorded_frames = self._font.frames(zone.recording)
        if bend_cents is None:
            position: NDArray[Any] = np.arange(frames) * step
        else:
            position = np.cumsum(step * np.exp2(bend_cents / 1200))
        loop_start, loop_end = zone.recording.loop
        if zone.value(SAMPLE_MODES) & 1 and 0 <= loop_start < loop_end <= len(recorded_frames):
            is_beyond = position >= loop_end
            position[is_beyond] = loop_start + np.mod(position[is_beyond] - loop_start, loop_end - loop_start)
        else:
            np.minimum(position, len(recorded_frames) + 1, out=position)
        return _interpolated(recorded_frames, position)


def _step(zone: Zone, pitch: int, extra_cents: float) -> float:
    """Frames of the recording per frame of sound at a pitch, bounded."""
    recording = zone.recording
    root = zone.value(ROOT_KEY) if zone.value(ROOT_KEY) >= 0 else recording.root_key
    cents = (pitch - root) * zone.value(SCALE_TUNING) + 100 * zone.value(COARSE_TUNE) + zone.value(FINE_TUNE)
    octaves = (cents + recording.correction_cents + extra_cents) / 1200
    return float(min(MOST_STEP, recording.rate / RATE * 2 ** max(-12.0, min(12.0, octaves))))


def _interpolated(recorded_frames: NDArray[np.int16], position: NDArray[Any]) -> Mono:
    whole_frames = position.astype(np.int32)
    t = (position - whole_frames).astype(np.float32)
    padded_frames = np.zeros(len(recorded_frames) + 5, dtype=np.float32)
    padded_frames[1 : len(recorded_frames) + 1] = recorded_frames
    padded_frames /= 32768
    np.minimum(whole_frames, len(recorded_frames) + 1, out=whole_frames)
    a, b, c, d = (
        padded_frames[whole_frames],
        padded_frames[whole_frames + 1],
        padded_frames[whole_frames + 2],
        padded_frames[whole_frames + 3],
    )
    output: Mono = b + t * (0.5 * (c - a) + t * (a - 2.5 * b + 2 * c - 0.5 * d + t * (1.5 * (b - c) + 0.5 * (d - a))))
    return output


def _seconds(timecents: int) -> float:
    return float(2 ** (timecents / 1200))


def _pan(permille: int) -> tuple[np.float32, np.float32]:
    """Constant-power gains of a pan from -500 (left) to 500 (right)."""
    angle = (permille + 500) / 1000 * np.pi / 2
    return np.float32(np.cos(angle)), np.float32(np.sin(angle))


def _envelope(zone: Zone, frames: int) -> Mono:
    """Attack (linear), hold, decay (linear in dB) to the sustain level, times the zone's attenuation; (frames,)."""
    attack = max(1, round(max(ATTACK_FLOOR_S, _seconds(zone.value(ATTACK))) * RATE))
    hold = round(_seconds(zone.value(HOLD)) * RATE)
    fall_db = np.clip((np.arange(frames) - attack - hold) * (SILENT_DB / (_seconds(zone.value(DECAY)) * RATE)), 0, None)
    level_db = -np.minimum(fall_db, min(zone.value(SUSTAIN) / 10, SILENT_DB))
    gain = np.exp((level_db - zone.value(ATTENUATION) * ATTENUATION_SCALE) * (np.log(10) / 20)).astype(np.float32)
    rising = min(attack, frames)
    gain[:rising] *= np.arange(rising, dtype=np.float32) / np.float32(max(1, attack - 1))
    return np.asarray(gain)


def _swept(zone: Zone, mono: Mono) -> Mono:
    """The zone's low-pass: from its open to its resting cut-off in the time of its modulation envelope."""
    sweep = zone.value(ENV_TO_CUTOFF)
    rest_cents = zone.value(FILTER_CUTOFF) + sweep * (1 - min(1000, zone.value(MOD_SUSTAIN)) / 1000)
    opened_hz, rested_hz = _hertz(zone.value(FILTER_CUTOFF) + sweep), _hertz(rest_cents)
    resonance_db = zone.value(FILTER_Q) / 10
    open_sound = _low_pass(mono, opened_hz, resonance_db)
    if abs(opened_hz - rested_hz) < 1 or min(opened_hz, rested_hz) >= OPEN_FILTER_HZ:
        return open_sound
    # Within a quarter of its full time the cut-off has gone most of the audible way.
    fall = np.exp(np.arange(len(mono), dtype=np.float32) * np.float32(-4 / (_seconds(zone.value(MOD_DECAY)) * RATE)))
    resting_sound = _low_pass(mono, rested_hz, resonance_db)
    output: Mono = resting_sound + (open_sound - resting_sound) * fall
    return output


def _hertz(cents: float) -> float:
    """Absolute cents to hertz (section 8.1.2: 8.176 Hz is 0 cents)."""
    return float(8.176 * 2 ** (cents / 1200))


def _low_pass(mono: Mono, cutoff_hz: float, resonance_db: float) -> Mono:
    """A second-order resonant low-pass (Bristow-Johnson's cookbook form), left out above the audible band."""
    if cutoff_hz >= OPEN_FILTER_HZ:
        return mono
    angle = 2 * np.pi * cutoff_hz / RATE
    alpha = np.sin(angle) / (2 * 10 ** ((resonance_db - 3.01) / 20))
    b = (1 - np.cos(angle)) / 2
    section = np.array([[b, 2 * b, b, 1 + alpha, -2 * np.cos(angle), 1 - alpha]]) / (1 + alpha)
    filtered_sound: Mono = sosfilt(section.astype(np.float32), mono)
    return filtered_sound


def _singing_cents(frames: int) -> NDArray[np.float64]:
    """A singer's pitch around a note in cents: from 35 below in 70 ms, then a vibrato that grows from 0.3 s on."""
    t = np.arange(frames) / RATE
    scoop = -35 * np.exp(-t / 0.025)
    depth = 16 * np.clip((t - 0.3) / 0.5, 0, 1)
    cents: NDArray[np.float64] = scoop + depth * np.sin(2 * np.pi * 5.4 * (t - 0.3))
    return cents
