"""The published pipeline's chunks of a song, and the part of each that it keeps.

A chunk is 128 latent frames, the next begins 96 later, and the last one ends with the song. Later chunks overwrite
earlier ones from their own 16th frame on, with hard cuts; the geometry is the same in both directions.
"""

from __future__ import annotations

from dataclasses import dataclass

from tasks.engines.diffrhythm.network.frames import FRAME_SAMPLES

CHUNK_FRAMES = 128
HOP_FRAMES = 96
TRIM_FRAMES = 16
"""Frames cut from a chunk's end (and beginning) where it meets another: half of the overlap."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece that goes through the autoencoder by itself, all in latent frames.

    ``start`` and ``frames`` are its position, ``first`` and ``end`` the frames of the whole that come from it;
    ``late_samples``: how much later than its position an encoded chunk is read (see :func:`encode_chunks`).
    """

    start: int
    frames: int
    first: int
    end: int
    late_samples: int = 0

    @property
    def skip(self) -> int:
        """Frames at its beginning that are not kept."""
        return self.first - self.start

    @property
    def kept(self) -> int:
        """Frames that are kept."""
        return self.end - self.first


def whole(frames: int) -> tuple[Chunk, ...]:
    """The song as one piece."""
    return (Chunk(0, frames, 0, frames),)


def decode_chunks(frames: int) -> tuple[Chunk, ...]:
    """The chunks of a latent of ``frames``; one of at most 128 frames is a single piece."""
    if frames <= CHUNK_FRAMES:
        return whole(frames)
    starts = list(range(0, frames - CHUNK_FRAMES + 1, HOP_FRAMES))
    if starts[-1] + CHUNK_FRAMES != frames:
        starts.append(frames - CHUNK_FRAMES)
    return _kept(starts, frames)


def encode_chunks(samples: int) -> tuple[Chunk, ...]:
    """The chunks of audio of ``samples``, giving ``samples // 2048`` latent frames.

    Where the audio does not end on a frame, the last chunk is read from its end, off the frame grid by the remainder,
    yet placed on the grid. Audio shorter than one chunk is a single piece (the published pipeline fails there).
    """
    frames, late_samples = divmod(samples, FRAME_SAMPLES)
    if not late_samples or frames < CHUNK_FRAMES:
        return decode_chunks(frames)
    starts = [*range(0, frames - CHUNK_FRAMES + 1, HOP_FRAMES), frames - CHUNK_FRAMES]
    return _kept(starts, frames, late_samples=late_samples)


def _kept(starts: list[int], frames: int, *, late_samples: int = 0) -> tuple[Chunk, ...]:
    """The remaining part of each chunk once the later ones have overwritten it; chunks without one are dropped."""
    firsts = [0, *(start + TRIM_FRAMES for start in starts[1:])]
    ends = [
        min(next_first, start + CHUNK_FRAMES - TRIM_FRAMES)
        for start, next_first in zip(starts, firsts[1:], strict=False)
    ]
    last_number = len(starts) - 1
    chunks = (
        Chunk(start, CHUNK_FRAMES, first, end, late_samples if number == last_number else 0)
        for number, (start, first, end) in enumerate(zip(starts, firsts, [*ends, frames], strict=True))
    )
    return tuple(chunk for chunk in chunks if chunk.kept > 0)
