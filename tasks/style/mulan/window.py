"""Windows of ten seconds, mono at 24 kHz, for MuQ-MuLan."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import soxr
from numpy.typing import NDArray

from catalog.common.errors import InputError
from tasks.audio.audio import Audio
from tasks.style.mulan.names import RATE_HZ, WINDOW_S

Mono = NDArray[np.float32]

WINDOW_FRAMES = WINDOW_S * RATE_HZ
SHORTEST_TAIL_S = 1.0
"""From this length on, the rest after the last regular window gets a window of its own, which ends with the song."""


def middle_window(duration_s: float) -> tuple[float, float]:
    """Start and end in seconds of the window that represents a reference: ten seconds around its middle.

    The start is a whole second, as in the published pipeline. Raises InputError for less than ten seconds.
    """
    if duration_s < WINDOW_S:
        raise _too_short(duration_s)
    start_s = int(duration_s // 2) - WINDOW_S // 2
    return float(start_s), float(start_s + WINDOW_S)


def reference_clip(audio: Audio) -> Mono:
    """The middle window of a reference as the model's input, shape (240000,); cut before it is resampled.

    Raises InputError for less than ten seconds, or for samples that are not finite.
    """
    start_s, end_s = middle_window(audio.duration_s)
    clip = audio.samples[:, round(start_s * audio.rate) : round(end_s * audio.rate)]
    return _exactly(_mono(Audio(clip, audio.rate)), WINDOW_FRAMES)


def whole_length(audio: Audio, *, hop_s: float | None = None) -> Iterator[tuple[float, float, Mono]]:
    """Start, end and samples of windows over the whole length, in order; the audio is never wrapped or padded.

    Windows follow each other without overlap, or every ``hop_s``. One more ends with the song where a second or more
    would be left out. Raises InputError for less than ten seconds, for a hop that is not positive, and for samples that
    are not finite.
    """
    if hop_s is not None and not hop_s > 0:
        raise InputError(f"a hop of {hop_s} s is none", remedy="Give a number of seconds above 0")
    if audio.duration_s < WINDOW_S:
        raise _too_short(audio.duration_s)
    mono = _mono(audio)
    mono = _exactly(mono, max(WINDOW_FRAMES, len(mono)))
    for start in _starts(len(mono), hop=round((hop_s or WINDOW_S) * RATE_HZ)):
        end = start + WINDOW_FRAMES
        yield start / RATE_HZ, end / RATE_HZ, mono[start:end]


def _starts(frames: int, *, hop: int) -> list[int]:
    last_start = frames - WINDOW_FRAMES
    starts = list(range(0, last_start + 1, max(1, hop)))
    if last_start - starts[-1] >= SHORTEST_TAIL_S * RATE_HZ:
        starts.append(last_start)
    return starts


def _mono(audio: Audio) -> Mono:
    """All channels' mean, resampled by soxr HQ."""
    mono: Mono = audio.samples.mean(axis=0)
    if not np.isfinite(mono).all():
        raise InputError("the audio holds samples that are not finite numbers", remedy="Export the audio again")
    if audio.rate == RATE_HZ:
        return mono
    resampled_mono: Mono = soxr.resample(mono, audio.rate, RATE_HZ, quality="HQ")
    return resampled_mono


def _exactly(mono: Mono, frames: int) -> Mono:
    """Cut or padded to a length that a resampler's rounding may miss by a sample."""
    return np.ascontiguousarray(np.pad(mono[:frames], (0, max(0, frames - len(mono)))))


def _too_short(duration_s: float) -> InputError:
    return InputError(
        f"the audio lasts {math.floor(duration_s * 100) / 100:.2f} s, and MuQ-MuLan takes {WINDOW_S} s at a time",
        remedy=f"Give at least {WINDOW_S} s of audio",
    )
