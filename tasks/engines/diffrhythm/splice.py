"""Join a re-rendered passage into the audio of its parent without a click."""

from __future__ import annotations

import numpy as np

from tasks.audio.audio import Audio, Samples
from tasks.engines.diffrhythm.network.frames import FRAME_SAMPLES

LONGEST_FADE = FRAME_SAMPLES
"""Samples: one latent frame, 46 ms."""


def splice(parent: Audio, regenerated: Audio, *, start_frame: int, end_frame: int) -> Audio:
    """``parent`` with the samples of the latent frames [``start_frame``, ``end_frame``) taken from ``regenerated``.

    Both are whole songs (channels, frames) of one rate and shape. Outside the passage every sample is the parent's, bit
    for bit. Inside, it fades from the parent over to the new render and back along a raised cosine, within one latent
    frame or a quarter of the passage, whichever is shorter; an end that is the song's own needs no fade. Raises
    ValueError for audio that does not match and for a passage that is empty or begins outside the song.
    """
    if (parent.rate, parent.samples.shape) != (regenerated.rate, regenerated.samples.shape):
        raise ValueError("The two renderings differ in rate, channels or length")
    start, end = start_frame * FRAME_SAMPLES, min(end_frame * FRAME_SAMPLES, parent.frames)
    if not 0 <= start < end:
        raise ValueError(f"Frames {start_frame} to {end_frame} are no passage of this song")
    samples = parent.samples.copy()
    samples[:, start:end] = regenerated.samples[:, start:end]
    fade = min(LONGEST_FADE, (end - start) // 4)
    fade_in = _raised_cosine(fade)
    if start > 0:
        _blend(samples, parent.samples, slice(start, start + fade), fade_in)
    if end < parent.frames:
        _blend(samples, parent.samples, slice(end - fade, end), fade_in[::-1])
    return Audio(samples, parent.rate)


def _blend(samples: Samples, parent: Samples, part: slice, share: Samples) -> None:
    """Keep ``share`` of the samples and take the rest from the parent (exactly unchanged where both agree)."""
    samples[:, part] = parent[:, part] + (samples[:, part] - parent[:, part]) * share


def _raised_cosine(length: int) -> Samples:
    """From just above 0 to just below 1; it and its mirror image sum to 1."""
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)).astype(np.float32)
