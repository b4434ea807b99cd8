"""Networks of any size with random weights, drawn as trained matrices are (heavy tails), and their load in a form."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from tasks.engines.diffrhythm.network.config import BASE_FRAMES, NetworkConfig
from tasks.engines.diffrhythm.network.network import DiT

ONE_LAYER = NetworkConfig(1024, 1, 4, 1, BASE_FRAMES, has_duration=False)
SMALL = NetworkConfig(128, 4, 2, 1, BASE_FRAMES, has_duration=False)

GAUSSIAN = 0
STUDENT = 4
"""Degrees of freedom of the tails: none means Gaussian."""


def random_weights(config: NetworkConfig, *, freedom: int = GAUSSIAN, seed: int = 0) -> dict[str, Tensor]:
    """A state dict in float32 that preserves the signal's level; matrices by Student's t of ``freedom`` degrees."""
    generator = torch.Generator().manual_seed(seed)
    return {name: _drawn(name, tensor, freedom, generator) for name, tensor in _shapes(config).items()}


def reader(config: NetworkConfig, weights: dict[str, Tensor]) -> Callable[[], DiT]:
    """Gives the network anew each time, sharing the tensors as a mapped file does."""

    def read() -> DiT:
        with torch.device("meta"):
            network = DiT(config)
        network.load_state_dict(weights, assign=True)
        return network

    return read


def _shapes(config: NetworkConfig) -> dict[str, Tensor]:
    with torch.device("meta"):
        return DiT(config).state_dict()


def _drawn(name: str, like: Tensor, freedom: int, generator: torch.Generator) -> Tensor:
    values = torch.randn(like.shape, generator=generator)
    if "norm" in name and like.dim() == 1 and name.endswith("weight"):
        return 1 + 0.1 * values
    if like.dim() == 1 or "grn" in name:
        return 0.1 * values
    if freedom:
        squares = sum(torch.randn(like.shape, generator=generator).square() for _ in range(freedom))
        # Scaled to a variance of 1, which Student's t has not.
        values = values / torch.sqrt(squares / freedom) * math.sqrt((freedom - 2) / freedom)
    fan_in = 1 if name == "text_embed.text_embed.weight" else math.prod(like.shape[1:])
    return values / math.sqrt(fan_in)
