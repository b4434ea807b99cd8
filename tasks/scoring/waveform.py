"""Readings of the waveform itself: clipped runs, offset, silences."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from catalog.metrics import Measured, NotMeasurable, Reading
from tasks.audio.audio import Audio, Samples

FLAT_SAMPLES = 3
FULL_SCALE = 0.999
QUIETEST_CLIP = 0.01
"""Flat tops under -40 dBFS are held samples of silence, not clipping."""

SILENCE_DBFS = -60.0
BLOCK_MS = 10


class Silences(NamedTuple):
    """Seconds of silence before the first sound, after the last, and the longest in between."""

    head_s: Reading
    tail_s: Reading
    gap_s: Reading


def clipping_runs(audio: Audio) -> int:
    """Runs of three or more equal samples at a channel's own extreme, or at full scale, over all channels.

    A clipped mix that was turned down afterwards is flat at its extreme, wherever that lies.
    """
    return sum(_runs(channel) for channel in audio.samples)


def _runs(channel: Samples) -> int:
    size = np.abs(channel)
    at_top = (channel == channel.max()) | (channel == channel.min()) | (size >= FULL_SCALE)
    held = np.flatnonzero((channel[1:] == channel[:-1]) & at_top[1:] & (size[1:] >= QUIETEST_CLIP))
    if held.size == 0:
        return 0
    starts = np.flatnonzero(np.diff(held, prepend=held[0] - 2) > 1)
    lengths = np.diff(starts, append=held.size)
    return int(np.count_nonzero(lengths >= FLAT_SAMPLES - 1))


def dc_offset(audio: Audio) -> float:
    """The larger mean of the channels, without its sign."""
    return float(np.abs(audio.samples.mean(axis=1, dtype=np.float64)).max())


def silences(audio: Audio) -> Silences:
    """Where it is silent: blocks of 10 ms whose louder channel lies under -60 dBFS RMS, its offset taken away."""
    sounds = np.flatnonzero(_block_powers(audio) > 10 ** (SILENCE_DBFS / 10))
    if sounds.size == 0:
        nothing = NotMeasurable(f"nothing is louder than {SILENCE_DBFS:.0f} dBFS")
        return Silences(nothing, nothing, nothing)
    block = _block_frames(audio)
    end_s = min(int(sounds[-1] + 1) * block / audio.rate, audio.duration_s)
    gap = int(np.diff(sounds).max(initial=1)) - 1
    return Silences(
        head_s=Measured(int(sounds[0]) * block / audio.rate),
        tail_s=Measured(audio.duration_s - end_s),
        gap_s=Measured(gap * block / audio.rate),
    )


def _block_frames(audio: Audio) -> int:
    return max(1, audio.rate * BLOCK_MS // 1000)


def _block_powers(audio: Audio) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Mean square of the louder channel in each block, the last one may be short."""
    edges = np.arange(0, audio.frames, _block_frames(audio))
    lengths = np.diff(edges, append=audio.frames)
    powers = np.zeros(len(edges))
    for channel in audio.samples:
        centred = channel - channel.mean(dtype=np.float64)
        powers = np.maximum(powers, np.add.reduceat(np.square(centred), edges) / lengths)
    return powers
