"""A buffer on disk for stems in progress, so that memory does not grow with the song."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tasks.audio.audio import Audio, Samples


class StemBuffer:
    """One file of raw float32 per stem, channel after channel, all of one rate and length.

    The files are ``<name>.f32`` in ``folder`` until :meth:`drop`.
    """

    def __init__(self, folder: Path, names: Sequence[str], *, channels: int, frames: int, rate: int) -> None:
        self.names = tuple(names)
        self.channels, self.frames, self.rate = channels, frames, rate
        self._paths: Mapping[str, Path] = {name: folder / f"{name}.f32" for name in names}
        for path in self._paths.values():
            with path.open("wb") as file:
                file.truncate(channels * frames * 4)

    def put(self, name: str, start: int, block: Samples) -> None:
        """Write a block (channels, n) of a stem at frame ``start``."""
        with self._paths[name].open("r+b") as file:
            for channel, samples in enumerate(block):
                file.seek((channel * self.frames + start) * 4)
                file.write(np.ascontiguousarray(samples, dtype="<f4").data)

    def get(self, name: str, start: int, stop: int) -> Samples:
        """A block (channels, n) of a stem as written by :meth:`put`."""
        block = np.empty((self.channels, stop - start), "<f4")
        with self._paths[name].open("rb") as file:
            for channel, samples in enumerate(block):
                file.seek((channel * self.frames + start) * 4)
                samples[:] = np.frombuffer(file.read(4 * (stop - start)), "<f4")
        return block.astype(np.float32, copy=False)

    def audio(self, name: str) -> Audio:
        """A whole stem, mapped from its file; the file must stay while it is used."""
        shape = (self.channels, self.frames)
        return Audio(np.memmap(self._paths[name], "<f4", "r", shape=shape), self.rate)

    def drop(self, name: str) -> None:
        """Remove a stem's file."""
        os.unlink(self._paths[name])
