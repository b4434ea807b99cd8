"""The memory and the arithmetic of sampling one song, and the number of songs that go through the network at once."""

from __future__ import annotations

import math
from typing import Any

import torch

from tasks.engines.latents.batches import songs_at_once

WIDTHS_HELD = 16
"""Tensors of the network's width alive at once per token: residual, modulation, attention's inputs and outputs."""
INNER_WIDTHS_HELD = 3
"""Tensors of the width of the feed-forward part: its two halves and their product."""


def song_bytes(config: Any, *, frames: int, dtype: torch.dtype, guided: bool) -> int:
    """Bytes that one more song of ``frames`` takes while it is sampled, both branches of guidance included."""
    tokens = math.ceil(frames / config.patch_size)
    widths = WIDTHS_HELD * config.hidden_size + INNER_WIDTHS_HELD * config.intermediate_size
    return int((2 if guided else 1) * tokens * widths * dtype.itemsize)


def batch_size(config: Any, *, frames: int, dtype: torch.dtype, guided: bool, device: torch.device) -> int:
    """Songs that fit at once into the device's free memory; at least one."""
    bytes_per_song = song_bytes(config, frames=frames, dtype=dtype, guided=guided)
    return songs_at_once(bytes_per_song, device)


def song_flops(config: Any, frames: int, *, condition_tokens: int, steps: int, guided: bool) -> float:
    """Operations of sampling one song of ``frames``, a multiply-add as two.

    Counted are the matrix products of the layers and of attention, whose windowed half is computed in full.
    """
    tokens = math.ceil(frames / config.patch_size)
    width, inner = config.hidden_size, config.intermediate_size
    heads, kv_heads = (count * config.head_dim for count in (config.num_attention_heads, config.num_key_value_heads))
    per_token = 2 * width * (heads + 2 * kv_heads) + 2 * heads * width  # self-attention
    per_token += 4 * width * heads + 6 * width * inner + 4 * heads * (tokens + condition_tokens)
    per_condition = 4 * width * kv_heads
    layer = tokens * per_token + condition_tokens * per_condition
    ends = 2 * frames * width * (config.in_channels + config.audio_acoustic_hidden_dim)
    return float(config.num_hidden_layers * layer + ends) * steps * (2 if guided else 1)
