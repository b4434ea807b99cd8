"""A long recording behind a window that moves forward: used like loaded audio, in the memory of a few blocks."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tasks.audio.audio import Samples


class Sliding:
    """Stands for samples of shape (channels, ``frames``), for a reader that never goes back behind its last start.

    Only slices ``[:, low:high]`` with rising ``low`` can be taken.
    """

    def __init__(self, blocks: Iterable[Samples], *, channels: int, frames: int) -> None:
        self.channels = channels
        self.frames = frames
        self._blocks = iter(blocks)
        self._first = 0
        self._held: Samples = np.zeros((channels, 0), np.float32)

    @property
    def samples(self) -> Sliding:
        """The samples, under the name that :class:`tasks.audio.audio.Audio` has for them."""
        return self

    def __getitem__(self, place: tuple[slice, slice]) -> Samples:
        low, high = int(place[1].start), int(place[1].stop)
        parts = [self._held[:, max(0, low - self._first) :]]
        first_frame = max(low, self._first)
        length = parts[0].shape[1]
        while first_frame + length < high and (block := next(self._blocks, None)) is not None:
            parts.append(block)
            length += block.shape[1]
        self._held, self._first = np.concatenate(parts, axis=1), first_frame
        return self._held[:, low - first_frame : high - first_frame]
