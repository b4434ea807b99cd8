"""Passages of a rendered song, for every engine whose sound comes from latent frames: their frames, and their joins."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from catalog.common.errors import InputError

if TYPE_CHECKING:
    from tasks.audio.audio import Audio, Samples

_ROUNDING = 1e-6
"""In frames: the error of a time that was itself calculated from a frame."""


@dataclass(frozen=True, slots=True)
class FrameSpan:
    """The latent frames [``start_frame``, ``end_frame``) that a retake regenerates, at ``frame_rate_hz``.

    Raises InputError when empty.
    """

    start_frame: int
    end_frame: int
    frame_rate_hz: float

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
        return self.start_frame / self.frame_rate_hz

    @property
    def end_s(self) -> float:
        """Where it ends, seconds."""
        return self.end_frame / self.frame_rate_hz


def span_between(
    start_s: float, end_s: float, *, song_frames: int, frame_rate_hz: float, least_frames: int
) -> FrameSpan:
    """The whole frames that cover ``start_s`` to ``end_s``, kept inside the song and at least ``least_frames`` long.

    The start is rounded down and the end up, so that the whole passage is covered; a passage that is too short grows on
    both sides as far as the song allows. Raises InputError for times that are no numbers, lie outside the song, or are
    in the wrong order.
    """
    _check(start_s, end_s, song_frames / frame_rate_hz)
    start = min(math.floor(start_s * frame_rate_hz + _ROUNDING), song_frames - 1)
    end = min(math.ceil(end_s * frame_rate_hz - _ROUNDING), song_frames)
    length = min(max(end - start, least_frames), song_frames)
    start = max(0, min(start - (length - (end - start)) // 2, song_frames - length))
    return FrameSpan(start, start + length, frame_rate_hz)


def splice(parent: Audio, regenerated: Audio, *, start_frame: int, end_frame: int, frame_samples: int) -> Audio:
    """``parent`` with the samples of the latent frames [``start_frame``, ``end_frame``) taken from ``regenerated``.

    Both are whole songs (channels, frames) of one rate and shape. Outside the passage every sample is the parent's, bit
    for bit. Inside, it fades from the parent over to the new render and back along a raised cosine, within one latent
    frame or a quarter of the passage, whichever is shorter; an end that is the song's own needs no fade. Raises
    ValueError for audio that does not match and for a passage that is empty or begins outside the song.
    """
    if (parent.rate, parent.samples.shape) != (regenerated.rate, regenerated.samples.shape):
        raise ValueError("The two renderings differ in rate, channels or length")
    start, end = start_frame * frame_samples, min(end_frame * frame_samples, parent.frames)
    if not 0 <= start < end:
        raise ValueError(f"Frames {start_frame} to {end_frame} are no passage of this song")
    samples = parent.samples.copy()
    samples[:, start:end] = regenerated.samples[:, start:end]
    fade = min(frame_samples, (end - start) // 4)
    fade_in = _raised_cosine(fade)
    if start > 0:
        _blend(samples, parent.samples, slice(start, start + fade), fade_in)
    if end < parent.frames:
        _blend(samples, parent.samples, slice(end - fade, end), fade_in[::-1])
    return replace(parent, samples=samples)


def _check(start_s: float, end_s: float, song_s: float) -> None:
    """Raise InputError unless the times name a part of a song of ``song_s`` seconds."""
    subject = f"The passage from {start_s:g} s to {end_s:g} s"
    if not (math.isfinite(start_s) and math.isfinite(end_s)):
        raise InputError(f"{subject} is not between two times", remedy="Give both ends as seconds or minutes:seconds")
    if start_s < 0 or start_s >= song_s:
        raise InputError(f"{subject} starts outside the song", remedy=f"Name a start between 0 and {song_s:.2f} s")
    if end_s <= start_s:
        raise InputError(f"{subject} ends before it has begun", remedy="Name an end that comes after the start")


def _blend(samples: Samples, parent: Samples, part: slice, share: Samples) -> None:
    """Keep ``share`` of the samples and take the rest from the parent (exactly unchanged where both agree)."""
    samples[:, part] = parent[:, part] + (samples[:, part] - parent[:, part]) * share


def _raised_cosine(length: int) -> Samples:
    """From just above 0 to just below 1; it and its mirror image sum to 1."""
    import numpy as np  # not at the top: planning a passage does without

    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)).astype(np.float32)
