"""The latent frames of a passage in seconds; light, so that planning can use it."""

from __future__ import annotations

from tasks.engines.passages import FrameSpan, span_between

SAMPLE_RATE = 44_100
"""Hz, of all input and output of the published autoencoder."""

FRAME_SAMPLES = 2048
"""Samples in one latent frame."""

FRAME_RATE = SAMPLE_RATE / FRAME_SAMPLES
"""Latent frames per second."""

LEAST_FRAMES = 8
"""The shortest passage worth regenerating (0.37 s); a shorter one is widened to it."""


def frame_at(time_s: float) -> int:
    """The latent frame at a time, truncated as the published pipeline does."""
    return int(time_s * SAMPLE_RATE / FRAME_SAMPLES)


def passage_between(start_s: float, end_s: float, *, song_frames: int, least_frames: int = LEAST_FRAMES) -> FrameSpan:
    """:func:`span_between` at this network's frame rate."""
    return span_between(start_s, end_s, song_frames=song_frames, frame_rate_hz=FRAME_RATE, least_frames=least_frames)
