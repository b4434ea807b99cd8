"""Plays notes with a SoundFont: each pitch is made once per part, then added at each of its notes.

Envelopes, tuning and filters follow the SoundFont 2.01 specification (sections 8 and 9), with two deviations: the
filter's sweep is a cross-fade between its two ends, and modulators other than velocity are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import sosfilt

from tasks.engines.guide.arrangement.score import DRUM_BANK, Note, Part
from tasks.engines.guide.sound.soundfont import (
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
    SoundFont,
    Zone,
)

Sound = NDArray[np.float32]
"""float32, (channels, frames)."""

Mono = NDArray[Any]
"""float32, (frames,)."""

RATE = 44100
SILENT_DB = 100.0  # Envelopes fall 100 dB in their stated time (section 8.1.2).
ATTENUATION_SCALE = 0.04  # dB per centibel as the EMU hardware played it, which fonts are tuned for.
OPEN_FILTER_HZ = 17000.0
LONGEST_TAIL_S = 1.5
SHORTEST_RELEASE_S = 0.12
DRUM_RING_S = 2.5
ATTACK_FLOOR_S = 0.002


@dataclass(frozen=True, slots=True)
class Tone:
    """One held pitch: its frames without its release, and how fast it then falls, in dB per second."""

    frames: Sound
    release_db_per_s: float


class Sampler:
    """Plays notes with the instruments of one SoundFont; keeps no audio between calls."""

    def __init__(self, font: SoundFont) -> None:
        self._font = font

    def play(self, part: Part, *, frames: int) -> Sound:
        """The part's dry audio: float32 (2, frames), or (1, frames) where the part is ``mono``."""
        output = np.zeros((1 if part.mono else 2, frames), dtype=np.float32)
        by_pitch: dict[int, list[Note]] = {}
        for note in part.notes:
            by_pitch.setdefault(note.pitch, []).append(note)
        zones = self._font.zones(part.program, bank=part.bank)
        rings = part.bank == DRUM_BANK
        for pitch, pitch_notes in sorted(by_pitch.items()):
            longest_s = DRUM_RING_S if rings else max(note.duration_s for note in pitch_notes)
            tone = _tone(zones, pitch, longest_s, channels=len(output), sung=part.sung)
            for note in pitch_notes:
                _lay(output, tone, note, rings=rings)
        return output


def _lay(out: Sound, tone: Tone, note: Note, *, rings: bool) -> None:
    start = round(note.start_s * RATE)
    held_frames = tone.frames.shape[1] if rings else round(note.duration_s * RATE)
    gain = np.float32((note.velocity / 127) ** 2)
    end = min(start + held_frames, out.shape[1], start + tone.frames.shape[1])
    if end <= start:
        return
    out[:, start:end] += tone.frames[:, : end - start] * gain
    if rings:
        return
    tail = tone.frames[:, end - start : end - start + _tail_frames(tone)][:, : out.shape[1] - end]
    if tail.shape[1]:
        decay = np.exp(np.arange(tail.shape[1], dtype=np.float32) * _nepers_per_frame(tone.release_db_per_s))
        fade = np.linspace(1, 0, tail.shape[1], dtype=np.float32)
        out[:, end : end + tail.shape[1]] += tail * (decay * fade * gain)


def _tail_frames(tone: Tone) -> int:
    return round(min(LONGEST_TAIL_S, 60 / tone.release_db_per_s) * RATE)


def _nepers_per_frame(db_per_s: float) -> np.float32:
    return np.float32(-db_per_s / 20 * np.log(10) / RATE)


def _tone(zones: tuple[Zone, ...], pitch: int, longest_s: float, *, channels: int, sung: bool) -> Tone:
    zones_played = [zone for zone in zones if zone.lowest_key <= pitch <= zone.highest_key] or [
        min(zones, key=lambda zone: min(abs(zone.lowest_key - pitch), abs(zone.highest_key - pitch)))
    ]
    release_s = max(SHORTEST_RELEASE_S, max(_seconds(zone.value(RELEASE)) for zone in zones_played))
    frames = round((longest_s + min(LONGEST_TAIL_S, 0.6 * release_s)) * RATE) + 1
    mixture = np.zeros((channels, frames), dtype=np.float32)
    bend = _singing_cents(frames) if sung else None
    for zone in zones_played:
        mono = _swept(zone, _resampled(zone, pitch, frames, bend)) * _envelope(zone, frames)
        if channels == 1:
            mixture += mono
            continue
        for channel, gain in zip(mixture, _pan(zone.value(PAN)), strict=True):
            channel += mono * gain
    return Tone(mixture, SILENT_DB / release_s)


def _seconds(timecents: int) -> float:
    return float(2 ** (timecents / 1200))


def _pan(permille: int) -> tuple[np.float32, np.float32]:
    """Constant-power gains of a pan from -500 (left) to 500 (right)."""
    angle = (min(500, max(-500, permille)) + 500) / 1000 * np.pi / 2
    return np.float32(np.cos(angle)), np.float32(np.sin(angle))


def _resampled(zone: Zone, pitch: int, frames: int, bend_cents: NDArray[np.float64] | None) -> Mono:
    """The zone's sample at ``pitch``, looped where it loops, by cubic interpolation (Catmull-Rom), shape (frames,)."""
    recording = zone.recording
    root = zone.value(ROOT_KEY) if zone.value(ROOT_KEY) >= 0 else recording.root_key
    cents = (pitch - root) * zone.value(SCALE_TUNING) + 100 * zone.value(COARSE_TUNE) + zone.value(FINE_TUNE)
    step = recording.rate / RATE * 2 ** ((cents + recording.correction_cents) / 1200)
    if bend_cents is None:
        position: NDArray[Any] = np.arange(frames) * step
    else:
        position = np.cumsum(step * np.exp2(bend_cents / 1200))
    loop_start, loop_end = recording.loop
    if zone.value(SAMPLE_MODES) & 1 and loop_end > loop_start:
        is_beyond = position >= loop_end
        position[is_beyond] = loop_start + np.mod(position[is_beyond] - loop_start, loop_end - loop_start)
    whole_frames = position.astype(np.int32)
    t = (position - whole_frames).astype(np.float32)
    padded_frames = np.zeros(len(recording.frames) + 5, dtype=np.float32)
    padded_frames[1 : len(recording.frames) + 1] = recording.frames
    padded_frames /= 32768
    np.minimum(whole_frames, len(recording.frames) + 1, out=whole_frames)
    a, b, c, d = (
        padded_frames[whole_frames],
        padded_frames[whole_frames + 1],
        padded_frames[whole_frames + 2],
        padded_frames[whole_frames + 3],
    )
    output: Mono = b + t * (0.5 * (c - a) + t * (a - 2.5 * b + 2 * c - 0.5 * d + t * (1.5 * (b - c) + 0.5 * (d - a))))
    return output


def _envelope(zone: Zone, frames: int) -> Mono:
    """Attack (linear), hold, decay (linear in dB) to the sustain level, times the zone's attenuation; (frames,)."""
    attack = max(1, round(max(ATTACK_FLOOR_S, _seconds(zone.value(ATTACK))) * RATE))
    hold = round(_seconds(zone.value(HOLD)) * RATE)
    fall_db = np.clip((np.arange(frames) - attack - hold) * (SILENT_DB / (_seconds(zone.value(DECAY)) * RATE)), 0, None)
    level_db = -np.minimum(fall_db, min(zone.value(SUSTAIN) / 10, SILENT_DB))
    gain = np.exp((level_db - zone.value(ATTENUATION) * ATTENUATION_SCALE) * (np.log(10) / 20)).astype(np.float32)
    gain[:attack] *= np.linspace(0, 1, attack, dtype=np.float32)[:frames]
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
