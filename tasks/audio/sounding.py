"""The first and last sound of a recording: one definition for trimming and for acceptance."""

from __future__ import annotations

import numpy as np

from tasks.audio.audio import Audio

SOUND_DBFS = -60.0
BLOCK_MS = 10
"""A block of 10 ms has sound where its mean level on some channel is over this: a soft drum, not a lone crackle."""


def non_silent_span(audio: Audio, *, floor_dbfs: float = SOUND_DBFS) -> tuple[int, int] | None:
    """The first frame of the first block with sound and the frame after the last one; None where there is no sound.

    Blocks of 10 ms are counted from the first frame; a shorter remainder at the end is a block of its own.
    """
    size = max(1, audio.rate * BLOCK_MS // 1000)
    starts = np.arange(0, audio.frames, size)
    is_sounding = np.zeros(len(starts), np.bool_)
    for channel in audio.samples if starts.size else ():
        powers = np.add.reduceat(np.square(channel), starts) / np.diff(starts, append=audio.frames)
        is_sounding |= powers > 10 ** (floor_dbfs / 10)
    sounding_blocks = np.flatnonzero(is_sounding)
    if sounding_blocks.size == 0:
        return None
    return int(sounding_blocks[0]) * size, min(audio.frames, (int(sounding_blocks[-1]) + 1) * size)
