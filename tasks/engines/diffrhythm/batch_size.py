"""The memory of sampling, and the number of songs that go through the network at once."""

from __future__ import annotations

import psutil
import torch

from tasks.engines.diffrhythm.network.config import NetworkConfig

WIDTHS_HELD = 20
"""Tensors of the network's width alive at once per row: residual, attention's inputs, the two halves of the MLP."""

SHARE = 0.7
MOST = 16
CPU_MOST = 4
"""More rows bring a CPU no gain."""


def song_bytes(config: NetworkConfig, *, frames: int, dtype: torch.dtype, guided: bool) -> int:
    """Bytes that one more song of ``frames`` takes while it is sampled, both guidance branches included."""
    branches = 2 if guided else 1
    fusions = config.fused_layers * config.dim * frames
    return (branches * frames * config.dim * WIDTHS_HELD + fusions) * dtype.itemsize


def batch_size(config: NetworkConfig, *, frames: int, dtype: torch.dtype, guided: bool, device: torch.device) -> int:
    """Songs that fit at once into the device's free memory; at least one."""
    bytes_per_song = song_bytes(config, frames=frames, dtype=dtype, guided=guided)
    if device.type == "cuda":
        free_bytes, _ = torch.cuda.mem_get_info(device)
        # Memory in torch's own cache counts as used there, but is free for the next batch.
        free_bytes += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return max(1, min(MOST, int(SHARE * free_bytes / bytes_per_song)))
    return max(1, min(CPU_MOST, int(SHARE * psutil.virtual_memory().available / bytes_per_song)))
