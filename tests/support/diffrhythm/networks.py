"""The tiny network of the reference data, for tests that need one with weights."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from tasks.engines.diffrhythm.network.config import FULL_FRAMES
from tasks.engines.diffrhythm.network.network import DiT, NetworkConfig
from tests.support.diffrhythm.parity import load_index, load_tensors

PREFIX = "transformer."
DURATION = "duration_time_embed."


@cache
def base_frames() -> int:
    """The ``max_frames`` of the base network: the smallest that a case names."""
    index = load_index("model_index.json")
    named = [case["max_frames"] for kind in ("dit", "cfm") for case in index.get(kind, {}).values()]
    return min(named, default=NetworkConfig.BASE_1B.max_frames)


def tiny_config(max_frames: int | None = None) -> NetworkConfig:
    """The sizes from the index; a ``max_frames`` above the base network's means a network with durations."""
    sizes = load_index("model_index.json")["config"]
    frames = max_frames or base_frames()
    return NetworkConfig(
        dim=sizes["dim"],
        depth=sizes["depth"],
        ff_mult=sizes["ff_mult"],
        conv_layers=sizes["conv_layers"],
        max_frames=frames,
        has_duration=frames > NetworkConfig.BASE_1B.max_frames,
        text_dim=sizes["text_dim"],
        mel_dim=sizes["mel_dim"],
        symbols=sizes["text_num_embeds"],
    )


def tiny_tensors(*, full: bool) -> dict[str, Tensor]:
    """The weights under their published names; the base network has no duration weights.

    Without a file of weights, they are drawn from the seed in the folder's index.
    """
    stored = load_tensors("tiny_weights.safetensors") or drawn_weights(load_index("model_index.json")["weights_seed"])
    return {name: tensor for name, tensor in stored.items() if full or not name.startswith(PREFIX + DURATION)}


@cache
def drawn_weights(seed: int) -> dict[str, Tensor]:
    """Weights for the full tiny network, identical on every machine: each tensor from the bits of its own generator."""
    shapes = {name: tensor.shape for name, tensor in DiT(tiny_config(FULL_FRAMES)).state_dict().items()}
    return {PREFIX + name: _drawn(name, tuple(shape), seed) for name, shape in shapes.items()}


def _drawn(name: str, shape: tuple[int, ...], seed: int) -> Tensor:
    """Values that preserve the signal's level: norms near 1, small biases, matrices scaled by their width."""
    bits = np.random.PCG64([seed, zlib.crc32(name.encode())]).random_raw(math.prod(shape)).reshape(shape)
    uniform = ((bits >> np.uint64(40)).astype(np.float64) / 2**23 - 1) * math.sqrt(3)
    if "norm" in name and len(shape) == 1 and name.endswith("weight"):
        return torch.from_numpy(1 + 0.1 * uniform).float()
    if len(shape) == 1 or "grn" in name:
        return torch.from_numpy(0.1 * uniform).float()
    fan_in = 1 if name == "text_embed.text_embed.weight" else math.prod(shape[1:])
    return torch.from_numpy(uniform / math.sqrt(fan_in)).float()


def tiny_network(max_frames: int | None = None, *, exact_buffers: bool = True) -> DiT:
    """A new network with the tiny weights, float32, base unless ``max_frames`` says otherwise."""
    config = tiny_config(max_frames)
    network = DiT(config, exact_buffers=exact_buffers)
    tensors = tiny_tensors(full=config.has_duration)
    network.load_state_dict({name.removeprefix(PREFIX): tensor.clone() for name, tensor in tensors.items()})
    return network


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """One thread for every test of a module that imports this."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
