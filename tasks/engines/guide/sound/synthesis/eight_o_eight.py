"""The long sine bass of trap and hip hop: its pitch drops as it begins, overlapping notes glide, and it saturates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from tasks.engines.guide.arrangement.score import Note, Part
from tasks.engines.guide.sound.source import RATE, Mono, Sound
from tasks.engines.guide.sound.synthesis.signals import at_peak, decay, low_pass, noise, random, sine

DROP_RATIO, DROP_S = 60 / 45, 0.013
"""The pitch begins a fourth above and is within 5 % of its own after 40 ms."""

LENGTH_S = 4.5
GLIDE_S = 0.09
OVERLAP_S = 0.02
RELEASE_S = 0.06
DRIVE = 3.0
BIAS = 0.65
"""Both halves of the wave saturate differently, which gives even harmonics: small loudspeakers play them alone."""

CLICK = 0.12


class EightOEight:
    """Plays one voice: a new note ends the one before, or is glided to where they overlap."""

    def play(self, part: Part, *, frames: int, take: int = 0) -> Sound:
        """The part's dry audio: (2, frames), the same on both sides, or (1, frames) where the part is ``mono``."""
        output = np.zeros((1, frames), dtype=np.float32)
        for phrase, end_s in _phrases(_one_voice(part.notes)):
            start = round(phrase[0].start_s * RATE)
            length = min(frames - start, round((end_s - phrase[0].start_s + RELEASE_S) * RATE))
            if length > 0:
                output[0, start : start + length] += _phrase(phrase, length)
        return output if part.mono else np.repeat(output, 2, axis=0)


def _one_voice(notes: Sequence[Note]) -> list[Note]:
    """The notes in time, of those that begin together the lowest."""
    voice: list[Note] = []
    for note in sorted(notes):
        if not voice or note.start_s > voice[-1].start_s + OVERLAP_S:
            voice.append(note)
    return voice


def _phrases(notes: Sequence[Note]) -> Iterator[tuple[tuple[Note, ...], float]]:
    """Notes that overlap, together, and when the last of them ends, in seconds."""
    phrase: list[Note] = []
    for index, note in enumerate(notes):
        phrase.append(note)
        end_s = note.start_s + note.duration_s
        next_s = notes[index + 1].start_s if index + 1 < len(notes) else float("inf")
        if next_s > end_s - OVERLAP_S:
            yield tuple(phrase), min(end_s, next_s)
            phrase = []


def _phrase(notes: tuple[Note, ...], frames: int) -> Mono:
    """One struck note and those that it glides to, (frames,)."""
    time_s = np.arange(frames) / RATE
    pitch = np.full(frames, float(notes[0].pitch))
    for before, note in pairwise(notes):
        way = np.clip((time_s - (note.start_s - notes[0].start_s)) / GLIDE_S, 0, 1)
        pitch += (note.pitch - before.pitch) * way
    ratio = 1 + (DROP_RATIO - 1) * np.exp(-time_s / DROP_S)
    cycles = np.cumsum(440.0 * np.exp2((pitch - 69) / 12) * ratio) / RATE
    level = decay(frames, LENGTH_S)
    pushed = np.float32(DRIVE) * level * sine(cycles) + np.float32(BIAS)
    tone: Mono = (np.tanh(pushed) - np.float32(np.tanh(BIAS))) * np.sqrt(level)
    click = low_pass(noise(random("808"), frames), 2500.0)[0] * decay(frames, 0.012)
    tone = tone + at_peak(click, CLICK)
    rising, falling = min(frames, 90), min(frames, round(RELEASE_S * RATE))
    tone[:rising] *= np.linspace(0, 1, rising, dtype=np.float32)
    tone[-falling:] *= np.cos(np.linspace(0, np.pi / 2, falling, dtype=np.float32))
    return tone * np.float32(0.6 * (notes[0].velocity / 127) ** 2)
