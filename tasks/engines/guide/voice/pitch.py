"""The pitch of a sung phrase: glides between notes, a scoop into the first, vibrato on long ones, a little drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tasks.engines.guide.arrangement.score import Note

GLIDE_S, GLIDE_SHARE_BEFORE, GLIDE_SHARE_AFTER = 0.090, 0.28, 0.50
GLIDE_LEAD = 0.15
OVERSHOOT, MOST_OVERSHOOT_CENTS = 0.06, 25.0
RING_S, RING_DECAY_S = 0.160, 0.050
SCOOP_CENTS, SCOOP_DECAY_S = -60.0, 0.050
VIBRATO_FROM_S, VIBRATO_GROWS_S, VIBRATO_CENTS = 0.28, 0.35, 38.0
VIBRATO_HZ, VIBRATO_SPREAD_HZ = 5.5, 0.3
VIBRATO_SHORTEST_NOTE_S, VIBRATO_ENDS_S = 0.45, 0.080
DRIFT_CENTS, DRIFT_S = 4.0, 0.2


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a singer's pitch differs from the notes: octaves in semitones, and slow drift in cents."""

    transpose: int = 0
    drift_cents: float = DRIFT_CENTS


def pitch_hz(
    notes: Sequence[Note], times_s: NDArray[np.float64], tuning: Tuning, rng: Generator
) -> NDArray[np.float32]:
    """Pitch in hertz at ``times_s``; before the first note and after the last one theirs goes on."""
    cents = np.full(len(times_s), 100.0 * notes[0].pitch)
    for before, after in pairwise(notes):
        cents += _step(before, after, times_s)
    cents += SCOOP_CENTS * np.exp(-np.maximum(times_s - notes[0].start_s, 0) / SCOOP_DECAY_S)
    for note in notes:
        cents += _vibrato(note, times_s, rng)
    cents += tuning.drift_cents * _drift(times_s, rng)
    hertz = 440 * np.exp2((cents / 100 - 69 + tuning.transpose) / 12)
    return hertz.astype(np.float32)


def _step(before: Note, after: Note, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """The change from one note to the next in cents: a quintic glide, then a short ring around the new note."""
    interval = 100.0 * (after.pitch - before.pitch)
    length_s = min(GLIDE_S, GLIDE_SHARE_BEFORE * before.duration_s, GLIDE_SHARE_AFTER * after.duration_s)
    # The middle of the glide lies a little before the note.
    start_s = after.start_s - (0.5 + GLIDE_LEAD) * length_s
    x = np.clip((times_s - start_s) / length_s, 0, 1)
    glide = interval * x**3 * (10 - 15 * x + 6 * x**2)
    over = np.clip(OVERSHOOT * interval, -MOST_OVERSHOOT_CENTS, MOST_OVERSHOOT_CENTS)
    since_s = np.maximum(times_s - start_s - length_s, 0)
    ring: NDArray[np.float64] = over * np.sin(2 * np.pi * since_s / RING_S) * np.exp(-since_s / RING_DECAY_S)
    return glide + ring


def _vibrato(note: Note, times_s: NDArray[np.float64], rng: Generator) -> NDArray[np.float64]:
    """Drawn for every note, so that the notes after a short one do not depend on its length."""
    hertz = VIBRATO_HZ + VIBRATO_SPREAD_HZ * float(rng.uniform(-1, 1))
    if note.duration_s <= VIBRATO_SHORTEST_NOTE_S:
        return np.zeros(len(times_s))
    since_s = times_s - note.start_s - VIBRATO_FROM_S
    left_s = note.start_s + note.duration_s - times_s
    depth = np.clip(since_s / VIBRATO_GROWS_S, 0, 1) * np.clip((left_s - VIBRATO_ENDS_S) / 0.05, 0, 1)
    cents: NDArray[np.float64] = VIBRATO_CENTS * depth * np.sin(2 * np.pi * hertz * since_s)
    return cents


def _drift(times_s: NDArray[np.float64], rng: Generator) -> NDArray[np.float64]:
    """Noise of unit size that changes in ``DRIFT_S``: random points joined by a cosine."""
    points = rng.standard_normal(int((times_s[-1] - times_s[0]) / DRIFT_S) + 3)
    x = (times_s - times_s[0]) / DRIFT_S
    index = x.astype(np.int64)
    part = (1 - np.cos(np.pi * (x - index))) / 2
    drift: NDArray[np.float64] = points[index] * (1 - part) + points[index + 1] * part
    return drift
