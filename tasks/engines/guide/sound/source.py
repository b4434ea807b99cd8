"""Tones laid along a part: what every source of sound has in common, be it recorded or synthesised."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.engines.guide.arrangement.score import Note, Part

Sound = NDArray[np.float32]
"""float32, (channels, frames)."""

Mono = NDArray[Any]
"""float32, (frames,)."""

RATE = 44100
LONGEST_TAIL_S = 1.5
TAKES_LATE_S = 0.009
TAKES_VELOCITY = 7
ANY_FULL_VELOCITY = 127


@dataclass(frozen=True, slots=True)
class Tone:
    """One held pitch, shape (1 or 2, frames), its release included, and how fast it falls once released, in dB per
    second; ``rings``: it is never released, as a drum."""

    frames: Sound
    release_db_per_s: float = 300.0
    rings: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A tone to be made: pitch, the source's layer for its velocity, longest hold, channels 1 or 2, which of the
    copies that alternate, and which performance of the part."""

    pitch: int
    layer: Hashable
    hold_s: float
    channels: int
    copy: int = 0
    take: int = 0
    sung: bool = False


class Source(Protocol):
    """Makes the tones of one instrument. ``copies`` of a tone alternate from note to note of the same pitch."""

    copies: int

    def layer(self, pitch: int, velocity: int) -> Hashable:
        """Notes of one pitch and layer share their tone."""

    def tone(self, request: Request) -> Tone:
        """One tone; with one channel where two were asked for, it stands in the centre."""


def play(source: Source, part: Part, *, frames: int, take: int = 0) -> Sound:
    """The part's dry audio: (2, frames), or (1, frames) where the part is ``mono``.

    Another ``take`` is another performance of the same notes: times differ by some milliseconds, velocities by some
    steps, and the source may vary its tones.
    """
    output = np.zeros((1 if part.mono else 2, frames), dtype=np.float32)
    groups: dict[tuple[int, Hashable, int], list[Note]] = {}
    counts: dict[int, int] = {}
    for note in _performed(part.notes, take):
        count = counts.get(note.pitch, 0)
        counts[note.pitch] = count + 1
        key = (note.pitch, source.layer(note.pitch, note.velocity), count % source.copies)
        groups.setdefault(key, []).append(note)
    for (pitch, layer, copy), notes in groups.items():
        hold_s = max(note.duration_s for note in notes)
        tone = source.tone(Request(pitch, layer, hold_s, len(output), copy, take, part.sung))
        for note in notes:
            lay(output, tone, note)
    return output


def _performed(notes: tuple[Note, ...], take: int) -> tuple[Note, ...]:
    if take == 0:
        return notes
    rng = np.random.Generator(np.random.PCG64(take))
    late_s = rng.uniform(0, TAKES_LATE_S, len(notes))
    harder = rng.integers(-TAKES_VELOCITY, TAKES_VELOCITY + 1, len(notes))
    return tuple(
        replace(
            note,
            start_s=note.start_s + float(late),
            velocity=min(ANY_FULL_VELOCITY, max(1, note.velocity + int(step))),
        )
        for note, late, step in zip(notes, late_s, harder, strict=True)
    )


def lay(out: Sound, tone: Tone, note: Note) -> None:
    """Add a tone to ``out`` (channels, frames) at a note's time, as loud as its velocity says, with its release."""
    start = round(note.start_s * RATE)
    length = tone.frames.shape[1]
    held_frames = length if tone.rings else round(note.duration_s * RATE)
    gain = np.float32((note.velocity / 127) ** 2)
    end = min(start + held_frames, out.shape[1], start + length)
    if end <= start:
        return
    out[:, start:end] += tone.frames[:, : end - start] * gain
    if tone.rings:
        return
    tail = tone.frames[:, end - start : end - start + _tail_frames(tone)][:, : out.shape[1] - end]
    if tail.shape[1]:
        decay = np.exp(np.arange(tail.shape[1], dtype=np.float32) * _nepers_per_frame(tone.release_db_per_s))
        fade = np.linspace(1, 0, tail.shape[1], dtype=np.float32)
        out[:, end : end + tail.shape[1]] += tail * (decay * fade * gain)


def frames_with_release(hold_s: float, release_s: float) -> int:
    """Frames of a tone that is held for ``hold_s`` at most and falls by 100 dB in ``release_s``."""
    return round((hold_s + min(LONGEST_TAIL_S, 0.6 * release_s)) * RATE) + 1


def _tail_frames(tone: Tone) -> int:
    return round(min(LONGEST_TAIL_S, 60 / tone.release_db_per_s) * RATE)


def _nepers_per_frame(db_per_s: float) -> np.float32:
    return np.float32(-db_per_s / 20 * np.log(10) / RATE)
