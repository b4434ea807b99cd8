"""Readings of the waveform itself: clipped runs, offset, silences, gaps in sung lines, the ending."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from catalog.selection.metrics import Measured, NotMeasurable, Reading, Window
from tasks.audio.audio import Audio, Samples

Powers = NDArray[np.float64]

FLAT_SAMPLES = 3
FULL_SCALE = 0.999
QUIETEST_CLIP = 0.01
"""Flat tops under -40 dBFS are held samples of silence, not clipping."""

CLIPPING_WINDOW_S = 10

SILENCE_DBFS = -60.0
BLOCK_MS = 10

LINE_S = 4.0
"""Assumed length of a line whose successor is further off: the usual distance from stamp to stamp."""

SHORTEST_HOLE_S = 0.5
"""Silences in sung lines shorter than this are breaths; their positions are not stored."""

ENDING_MS = 50


class Silences(NamedTuple):
    """Seconds of silence before the first sound, after the last, and the longest in between."""

    head_s: Reading
    tail_s: Reading
    gap_s: Reading


class Clipping(NamedTuple):
    """The number of flat runs, and per second, the latter also in windows of 10 s."""

    runs: Reading
    runs_per_s: Reading


def clipping(audio: Audio) -> Clipping:
    """Runs of three or more equal samples at a channel's own extreme, or at full scale, over all channels.

    A clipped mix that was turned down afterwards is flat at its extreme, wherever that lies.
    """
    starts = np.concatenate([_run_starts(channel) for channel in audio.samples])
    frames = CLIPPING_WINDOW_S * audio.rate
    counts = np.bincount(starts // frames, minlength=-(-audio.frames // frames))
    windows = []
    for window_index, count in enumerate(counts.tolist()):
        start_s, end_s = window_index * CLIPPING_WINDOW_S, min((window_index + 1) * CLIPPING_WINDOW_S, audio.duration_s)
        windows.append(Window(float(start_s), float(end_s), count / (end_s - start_s)))
    return Clipping(Measured(float(starts.size)), Measured(starts.size / audio.duration_s, tuple(windows)))


def _run_starts(channel: Samples) -> NDArray[np.int64]:
    """The first sample of each run in a channel (frames,)."""
    size = np.abs(channel)
    is_extreme = (channel == channel.max()) | (channel == channel.min()) | (size >= FULL_SCALE)
    held_frames = np.flatnonzero((channel[1:] == channel[:-1]) & is_extreme[1:] & (size[1:] >= QUIETEST_CLIP))
    if held_frames.size == 0:
        return held_frames
    starts = np.flatnonzero(np.diff(held_frames, prepend=held_frames[0] - 2) > 1)
    lengths = np.diff(starts, append=held_frames.size)
    return held_frames[starts[lengths >= FLAT_SAMPLES - 1]]


def dc_offset(audio: Audio) -> float:
    """The larger mean of the channels, relative to full scale, without its sign."""
    return float(np.abs(audio.samples.mean(axis=1, dtype=np.float64)).max())


def silences(audio: Audio, powers: Powers) -> Silences:
    """Silences: blocks of 10 ms whose louder channel is under -60 dBFS RMS, its offset subtracted.

    ``powers`` are :func:`block_powers`.
    """
    sounding_blocks = _sounding(powers)
    if sounding_blocks.size == 0:
        no_sound = _nothing_sounds()
        return Silences(no_sound, no_sound, no_sound)
    block = _block_frames(audio)
    end_s = min(int(sounding_blocks[-1] + 1) * block / audio.rate, audio.duration_s)
    gap = int(np.diff(sounding_blocks).max(initial=1)) - 1
    return Silences(
        head_s=Measured(int(sounding_blocks[0]) * block / audio.rate),
        tail_s=Measured(audio.duration_s - end_s),
        gap_s=Measured(gap * block / audio.rate),
    )


def sung_gap_s(audio: Audio, powers: Powers, line_starts_s: Sequence[float]) -> Reading:
    """The longest silence in seconds where a line should be sung, with the positions of all longer than a breath.

    A line is assumed to be sung from its stamp to the next one, for 4 s at most.
    """
    if not line_starts_s:
        return NotMeasurable.not_stated("sung line")
    block_s = _block_frames(audio) / audio.rate
    is_silent = np.ones(len(powers), bool)
    is_silent[_sounding(powers)] = False
    for start_s, end_s in _unsung(line_starts_s, audio.duration_s):
        is_silent[round(start_s / block_s) : round(end_s / block_s)] = False
    edges = np.flatnonzero(np.diff(is_silent, prepend=False, append=False)).reshape(-1, 2) * block_s
    holes = tuple(Window(start, end, end - start) for start, end in edges.tolist())
    longest_s = max((hole.value for hole in holes), default=0.0)
    return Measured(longest_s, tuple(hole for hole in holes if hole.value >= SHORTEST_HOLE_S))


def _unsung(line_starts_s: Sequence[float], duration_s: float) -> Iterator[tuple[float, float]]:
    """The intervals without a sung line: before the first, and from the end of each to the next."""
    end_s = 0.0
    for start_s in (*sorted(line_starts_s), duration_s):
        if start_s > end_s:
            yield end_s, start_s
        end_s = start_s + LINE_S


def ending_dbfs(powers: Powers) -> Reading:
    """Level in dBFS of the last audible 50 ms, of the louder channel.

    Near -60 dBFS where the song fades away, and high where it is cut off, by the end of the file or by silence.
    """
    sounding_blocks = _sounding(powers)
    if sounding_blocks.size == 0:
        return _nothing_sounds()
    last_powers = powers[max(0, int(sounding_blocks[-1]) + 1 - ENDING_MS // BLOCK_MS) : int(sounding_blocks[-1]) + 1]
    return Measured(float(10 * np.log10(last_powers.mean())))


def block_powers(audio: Audio) -> Powers:
    """Mean square of the louder channel in each block of 10 ms, its offset subtracted, shape (blocks,).

    The last block may be short.
    """
    edges = np.arange(0, audio.frames, _block_frames(audio))
    lengths = np.diff(edges, append=audio.frames)
    powers = np.zeros(len(edges))
    for channel in audio.samples:
        centred_channel = channel - channel.mean(dtype=np.float64)
        powers = np.maximum(powers, np.add.reduceat(np.square(centred_channel), edges) / lengths)
    return powers


def _sounding(powers: Powers) -> NDArray[np.int64]:
    """The indices of the blocks that are not silent."""
    return np.flatnonzero(powers > 10 ** (SILENCE_DBFS / 10))


def _nothing_sounds() -> NotMeasurable:
    return NotMeasurable(f"nothing is louder than {SILENCE_DBFS:.0f} dBFS")


def _block_frames(audio: Audio) -> int:
    return max(1, audio.rate * BLOCK_MS // 1000)
