"""The audio that every judge scores: a copy at one loudness, in windows of one length.

Judges prefer louder audio, so all get a song at -23 LUFS (EBU R 128); and a song is scored in windows of ten seconds,
so that every number comes with the times it was measured at and with its variation between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from catalog.selection.metrics import NotMeasurable
from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import integrated_lufs
from tasks.audio.validity import unreadable

LISTENING_LUFS = -23.0
WINDOW_S = 10.0


class Stretch(NamedTuple):
    """A part of the audio, ``start_s`` to ``end_s``."""

    start_s: float
    end_s: float
    part: Audio


def at_listening_level(audio: Audio) -> Audio | NotMeasurable:
    """A copy (channels, frames) at -23 LUFS, or why there is none. Nothing is limited: samples may pass full scale."""
    if fault := unreadable(audio):
        return fault
    loudness = integrated_lufs(audio)
    if isinstance(loudness, NotMeasurable):
        return loudness
    gain = 10 ** ((LISTENING_LUFS - loudness.value) / 20)
    return Audio(audio.samples * np.float32(gain), audio.rate)


def windows_of(audio: Audio, seconds: float = WINDOW_S) -> Iterator[Stretch]:
    """The audio in windows of ``seconds`` from its start, as views; the last may be short, down to a half.

    A shorter remainder is left out, so audio shorter than half of ``seconds`` has no window.
    """
    window_frames = max(1, round(seconds * audio.rate))
    for start in range(0, audio.frames, window_frames):
        part = audio.samples[:, start : start + window_frames]
        if part.shape[1] * 2 < window_frames:
            return
        yield Stretch(start / audio.rate, (start + part.shape[1]) / audio.rate, Audio(part, audio.rate))
