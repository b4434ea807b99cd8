"""Long sounds in blocks: what is done to them needs no second buffer of a song's length, and stays in the cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pedalboard import Pedalboard, Plugin  # type: ignore[attr-defined]  # its stub does not export Pedalboard
from scipy.signal import sosfilt

from tasks.engines.guide.sound.source import RATE, Sound

UNIT = 4410
"""Levels are measured over units of a tenth of a second."""

BLOCK = 8 * UNIT


def blocks(frames: int) -> Iterator[slice]:
    """Slices of ``BLOCK`` frames each that cover ``frames``; the last one is longer, up to twice."""
    count = max(1, frames // BLOCK)
    for index in range(count):
        yield slice(index * BLOCK, frames if index + 1 == count else (index + 1) * BLOCK)


class Effects:
    """Effects in a row whose state goes on from block to block."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self._board = Pedalboard(list(plugins)) if plugins else None
        self._is_new = True

    def __call__(self, block: Sound) -> Sound:
        """The next block with the effects.

        Buffers are of one size whatever the block's: pedalboard forgets its state where a larger one comes, and the
        last block of a sound is longer than those before it.
        """
        if self._board is None:
            return block
        changed_block: Sound = self._board.process(block, RATE, buffer_size=BLOCK, reset=self._is_new)
        self._is_new = False
        return changed_block


class Filter:
    """Second-order sections whose state goes on from block to block; computed in the precision of ``sections``."""

    def __init__(self, sections: NDArray[np.floating]) -> None:
        self._sections = sections
        self._state: NDArray[np.floating] | None = None

    def __call__(self, block: Sound) -> Sound:
        """The next block, filtered."""
        if not len(self._sections):
            return block
        if self._state is None:
            self._state = np.zeros((len(self._sections), len(block), 2), dtype=self._sections.dtype)
        filtered_block, self._state = sosfilt(self._sections, block, zi=self._state)
        result: Sound = filtered_block.astype(np.float32, copy=False)
        return result


def unit_powers(block: Sound) -> NDArray[np.float64]:
    """The mean power over channels of each whole unit of a block, (units,)."""
    units = block[:, : block.shape[1] // UNIT * UNIT].reshape(len(block), -1, UNIT)
    powers: NDArray[np.float64] = np.einsum("cui,cui->u", units, units).astype(np.float64) / (UNIT * len(block))
    return powers


def stereo(sound: Sound) -> Sound:
    """Two channels of one or two."""
    return sound if len(sound) == 2 else np.repeat(sound, 2, axis=0)


def peak_section(centre_hz: float, gain_db: float, quality: float) -> NDArray[np.float64]:
    """A peak (Bristow-Johnson's cookbook form) as a second-order section, (6,)."""
    amplitude, angle = 10 ** (gain_db / 40), 2 * np.pi * centre_hz / RATE
    alpha, middle = np.sin(angle) / (2 * quality), -2 * np.cos(angle)
    up, down = alpha * amplitude, alpha / amplitude
    row: NDArray[np.float64] = np.array([1 + up, middle, 1 - up, 1 + down, middle, 1 - down]) / (1 + down)
    return row


def shelf_section(corner_hz: float, gain_db: float, *, high: bool = True) -> NDArray[np.float64]:
    """A shelf of quality 0.7 (Bristow-Johnson's cookbook form), (6,); of a high one the signs of the cosines turn."""
    a, angle = 10 ** (gain_db / 40), 2 * np.pi * corner_hz / RATE
    sign = -1.0 if high else 1.0
    cosine, slope = sign * np.cos(angle), 2 * np.sqrt(a) * np.sin(angle) / (2 * 0.707)
    b = (a * ((a + 1) - (a - 1) * cosine + slope), sign * 2 * a * ((a - 1) - (a + 1) * cosine))
    d = ((a + 1) + (a - 1) * cosine + slope, -sign * 2 * ((a - 1) + (a + 1) * cosine))
    b_last, d_last = a * ((a + 1) - (a - 1) * cosine - slope), (a + 1) + (a - 1) * cosine - slope
    row: NDArray[np.float64] = np.array([*b, b_last, *d, d_last]) / d[0]
    return row
