"""The latent frames of a passage in seconds; light, so that planning can use it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from catalog.common.errors import InputError

SAMPLE_RATE = 44_100
"""Hz, of all input and output of the published autoencoder."""

FRAME_SAMPLES = 2048
"""Samples in one latent frame."""

FRAME_RATE = SAMPLE_RATE / FRAME_SAMPLES
"""Latent frames per second."""

LEAST_FRAMES = 8
"""The shortest passage worth regenerating (0.37 s); a shorter one is widened to it."""

_ROUNDING = 1e-6
"""In frames: the error of a time that was itself calculated from a frame."""


@dataclass(frozen=True, slots=True)
class Passage:
    """The latent frames [``start_frame``, ``end_frame``) that a retake regenerates. Raises InputError when empty."""

    start_frame: int
    end_frame: int

    def __post_init__(self) -> None:
        if not 0 <= self.start_frame < self.end_frame:
            raise InputError(
                f"The passage from frame {self.start_frame} to frame {self.end_frame} is empty",
                remedy="Name a passage that ends after it starts",
            )

    @property
    def frames(self) -> int:
        """Length in latent frames."""
        return self.end_frame - self.start_frame

    @property
    def start_s(self) -> float:
        """Where it starts, seconds."""
        return self.start_frame / FRAME_RATE

    @property
    def end_s(self) -> float:
        """Where it ends, seconds."""
        return self.end_frame / FRAME_RATE


def frame_at(time_s: float) -> int:
    """The latent frame at a time, truncated as the published pipeline does."""
    return int(time_s * SAMPLE_RATE / FRAME_SAMPLES)


def passage_between(start_s: float, end_s: float, *, song_frames: int, least_frames: int = LEAST_FRAMES) -> Passage:
    """The whole frames that cover ``start_s`` to ``end_s``, kept inside the song and at least ``least_frames`` long.

    The start is rounded down and the end up, so that the whole passage is covered; a passage that is too short grows on
    both sides as far as the song allows. Raises InputError for times that are no numbers, lie outside the song, or are
    in the wrong order.
    """
    song_s = song_frames / FRAME_RATE
    _check(start_s, end_s, song_s)
    start = min(math.floor(start_s * FRAME_RATE + _ROUNDING), song_frames - 1)
    end = min(math.ceil(end_s * FRAME_RATE - _ROUNDING), song_frames)
    length = min(max(end - start, least_frames), song_frames)
    start = max(0, min(start - (length - (end - start)) // 2, song_frames - length))
    return Passage(start, start + length)


def _check(start_s: float, end_s: float, song_s: float) -> None:
    """Raise InputError unless the times name a part of a song of ``song_s`` seconds."""
    subject = f"The passage from {start_s:g} s to {end_s:g} s"
    if not (math.isfinite(start_s) and math.isfinite(end_s)):
        raise InputError(f"{subject} is not between two times", remedy="Give both ends as seconds or minutes:seconds")
    if start_s < 0 or start_s >= song_s:
        raise InputError(f"{subject} starts outside the song", remedy=f"Name a start between 0 and {song_s:.2f} s")
    if end_s <= start_s:
        raise InputError(f"{subject} ends before it has begun", remedy="Name an end that comes after the start")
