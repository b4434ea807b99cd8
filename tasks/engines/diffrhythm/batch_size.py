"""The memory of sampling, and the number of songs that go through the network at once."""

from __future__ import annotations

import torch

from tasks.engines.diffrhythm.network.config import NetworkConfig
from tasks.engines.latents.batches import songs_at_once

WIDTHS_HELD = 20
"""Tensors of the network's width alive at once per row: residual, attention's inputs, the two halves of the MLP."""


def song_bytes(config: NetworkConfig, *, frames: int, dtype: torch.dtype, guided: bool) -> int:
    """Bytes that one more song of ``frames`` takes while it is sampled, both guidance branches included."""
    branches = 2 if guided else 1
    fusions = config.fused_layers * config.dim * frames
    return (branches * frames * config.dim * WIDTHS_HELD + fusions) * dtype.itemsize


def batch_size(config: NetworkConfig, *, frames: int, dtype: torch.dtype, guided: bool, device: torch.device) -> int:
    """Songs that fit at once into the device's free memory; at least one."""
    bytes_per_song = song_bytes(config, frames=frames, dtype=dtype, guided=guided)
    return songs_at_once(bytes_per_song, device)
