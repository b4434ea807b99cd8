"""Where the sound of a recording begins and ends: one answer for what trims it and for what judges the result."""

from __future__ import annotations

import numpy as np

from tasks.audio.audio import Audio

SOUND_DBFS = -60.0
BLOCK_MS = 10
"""Sound is what reaches this mean level over a block of 10 ms on some channel: a soft drum does, a lone crackle not."""


def non_silent_span(audio: Audio, *, floor_dbfs: float = SOUND_DBFS) -> tuple[int, int] | None:
    """The first frame of the first block that sounds and the frame past the last one; None where nothing does.

    Blocks of 10 ms are counted from the first frame; what is left over at the end is a block of its own.
    """
    size = max(1, audio.rate * BLOCK_MS // 1000)
    starts = np.arange(0, audio.frames, size)
    sounds = np.zeros(len(starts), np.bool_)
    for channel in audio.samples if starts.size else ():
        powers = np.add.reduceat(np.square(channel), starts) / np.diff(starts, append=audio.frames)
        sounds |= powers > 10 ** (floor_dbfs / 10)
    found = np.flatnonzero(sounds)
    if found.size == 0:
        return None
    return int(found[0]) * size, min(audio.frames, (int(found[-1]) + 1) * size)
