"""The memory of separation, and the number of segments that go through at once."""

from __future__ import annotations

from dataclasses import dataclass

import psutil
import torch

from catalog.common.errors import TransientError
from tasks.separation.demucs.ensemble import CHANNELS, Ensemble
from tasks.separation.demucs.models import RATE_HZ

FLOATS_PER_SOURCE_CHANNEL = 32.0
FLOATS_PER_WIDTH = 12.5
"""Floats alive per frame of a segment: what scales with the stems (spectra in and out) and with the network's width.

Fitted to the peak of the full network (48 wide: 3.4 kB a frame) and of a tiny one (8 wide: 1.4 kB) on a CPU.
"""

SHARE = 0.6
MIB = 1 << 20
MOST = 16
CPU_MOST = 1
"""On a CPU two segments at once take longer than one after the other (20.9 s against 14.3 s at full size)."""


@dataclass(frozen=True, slots=True)
class Portion:
    """One batch for the networks: ``batch`` segments of ``segment_frames``."""

    segment_frames: int
    batch: int


def segment_bytes(ensemble: Ensemble, frames: int) -> int:
    """Bytes that one segment takes while it is separated."""
    floats = FLOATS_PER_SOURCE_CHANNEL * len(ensemble.stems) * CHANNELS + FLOATS_PER_WIDTH * ensemble.width
    return int(4 * floats * frames)


def free_bytes(device: torch.device) -> int:
    """Free memory of the device in bytes; torch's own cache there is free for the next segment."""
    if device.type == "cuda":
        bytes_free, _ = torch.cuda.mem_get_info(device)
        return int(bytes_free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))
    return int(psutil.virtual_memory().available)


def portion_for(ensemble: Ensemble, *, free: int) -> Portion:
    """Segments of the network's training length (7.8 s), and how many of them fit into ``free`` bytes.

    Their length does not depend on memory: a shorter one would give other samples under the same key. Their number
    changes no more than the last bits. Raises TransientError where not one fits.
    """
    frames = int(ensemble.segment_s * RATE_HZ)
    needed_bytes = segment_bytes(ensemble, frames) / SHARE
    if free < needed_bytes:
        raise TransientError(
            f"out of memory: separating with {ensemble.name} needs {needed_bytes / MIB:.0f} MiB free "
            f"on {ensemble.device}, "
            f"and {free / MIB:.0f} MiB are",
            remedy="Free memory, or run fewer things at once",
        )
    most_segments = CPU_MOST if ensemble.device.type == "cpu" else MOST
    return Portion(frames, min(most_segments, int(free / needed_bytes)))
