"""Separate a mix of any length in overlapping segments that are cross-faded, block after block.

The segments, their overlap of a quarter and the triangular fade are those of demucs.apply.apply_model without shifts,
with the same samples as a result; but there the whole song's stems are in memory, several times for a bag, and here
only one segment's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catalog.common.errors import TransientError
from tasks.audio.audio import Samples
from tasks.separation.demucs.ensemble import Ensemble
from tasks.separation.demucs.memory import Portion
from tasks.separation.demucs.models import RATE_HZ
from tasks.weights.out_of_memory import is_out_of_memory

OVERLAP = 0.25

Progress = Callable[[float], None]
"""Called with the finished share, 0 to 1, after each batch of segments."""


@dataclass(frozen=True, slots=True)
class Level:
    """The networks' input is ``(mix - offset) / scale``; their output is multiplied by ``scale``."""

    offset: float
    scale: float


def stride_of(segment_frames: int) -> int:
    """Frames from one segment's start to the next one's."""
    return int((1 - OVERLAP) * segment_frames)


def estimates(
    ensemble: Ensemble, mix: Samples, *, level: Level, portion: Portion, progress: Progress | None = None
) -> Iterator[Samples]:
    """The stems of ``mix`` (2, frames) in consecutive blocks (stems, 2, n), ``frames`` in all.

    Where the device runs out of memory a batch is retried in halves; raises TransientError where one segment is still
    too much.
    """
    length, segment = mix.shape[1], portion.segment_frames
    stride = stride_of(segment)
    starts = list(range(0, length, stride))
    fade = triangle(segment)
    overlap = np.zeros((len(ensemble.stems), mix.shape[0], segment), np.float32)
    weight = np.zeros(segment, np.float32)
    position, batch = 0, portion.batch
    while position < len(starts):
        batch_starts = starts[position : position + batch]
        try:
            outputs = _through(ensemble, [_segment(mix, start, segment, level) for start in batch_starts])
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if batch == 1:
                problem = f"out of memory: one segment of {segment / RATE_HZ:.1f} s was too much for {ensemble.device}"
                raise TransientError(problem, remedy="Free memory, or run fewer things at once") from error
            batch = (batch + 1) // 2
            torch.cuda.empty_cache()
            continue
        for start, output in zip(batch_starts, outputs, strict=True):
            frames = min(segment, length - start)
            overlap[..., :frames] += fade[:frames] * _centre(output, frames)
            weight[:frames] += fade[:frames]
            ready_frames = min(stride, length - start)
            yield overlap[..., :ready_frames] / weight[:ready_frames] * np.float32(level.scale)
            _move_on(overlap, ready_frames)
            _move_on(weight, ready_frames)
        position += len(batch_starts)
        if progress is not None:
            progress(position / len(starts))


def triangle(frames: int) -> NDArray[np.float32]:
    """Rises to 1 in the middle and falls again, nowhere 0; shape (frames,)."""
    half_length = frames // 2
    rise_and_fall = np.concatenate([np.arange(1, half_length + 1), np.arange(frames - half_length, 0, -1)])
    fade: NDArray[np.float32] = (rise_and_fall / rise_and_fall.max()).astype(np.float32)
    return fade


def _segment(mix: Samples, start: int, frames: int, level: Level) -> Samples:
    """The segment at ``start``; near the mix's end it is moved to keep its preceding context, padded with silence."""
    missing_frames = frames - min(frames, mix.shape[1] - start)
    first_frame = start - missing_frames // 2
    end_frame = first_frame + frames
    available_samples = mix[:, max(0, first_frame) : min(mix.shape[1], end_frame)]
    normalised_samples = (available_samples - np.float32(level.offset)) / np.float32(level.scale)
    return np.pad(normalised_samples, ((0, 0), (max(0, -first_frame), max(0, end_frame - mix.shape[1]))))


def _centre(output: Samples, frames: int) -> Samples:
    margin = (output.shape[-1] - frames) // 2
    return output[..., margin : margin + frames]


def _through(ensemble: Ensemble, segments: Sequence[Samples]) -> Samples:
    """(segments, stems, 2, frames): the networks' estimates, each weighted by its share in each stem."""
    stacked_segments = torch.from_numpy(np.stack(segments)).to(ensemble.device)
    # TF32 rounds to ten bits; stems are stored with twenty-four.
    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        total: Tensor | None = None
        for network, shares in zip(ensemble.networks, ensemble.shares, strict=True):
            part = network(stacked_segments) * shares[None, :, None, None]
            total = part if total is None else total.add_(part)
    if total is None:
        raise ValueError("an ensemble without networks")
    estimates_array: Samples = total.float().cpu().numpy()
    return estimates_array


def _move_on(buffer: NDArray[np.float32], frames: int) -> None:
    """Drop the first ``frames``; the rest moves up, followed by silence."""
    kept_frames = buffer.shape[-1] - frames
    buffer[..., :kept_frames] = buffer[..., frames:].copy()
    buffer[..., kept_frames:] = 0.0
