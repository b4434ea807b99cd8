"""Tables that depend on numbers alone: the grid of flow times, sinusoids, positions and rotations.

All of it is float32 (the grid is calculated in float64), since half precision cannot represent a time or a far
position.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tasks.engines.diffrhythm.network.config import SINUSOID

SWAY_RANGE = (-1.0, 2 / (math.pi - 2))
"""The sway coefficients for which time always increases."""

_BASE = 10000.0
_TIME_SCALE = 1000


def time_grid(steps: int, sway: float = 0.0) -> Tensor:
    """``steps`` flow times from 0 (noise) to 1 (data), float32 on the CPU; negative sway puts more near the noise."""
    t = torch.linspace(0, 1, steps, dtype=torch.float64)
    grid = t + sway * (torch.cos(math.pi / 2 * t) - 1 + t)
    return grid.float()


def sinusoid(value: Tensor) -> Tensor:
    """[N] scalars as [N, 256] float32: 128 sines, then 128 cosines, of 1000 times the value.

    A float16 value is scaled in float16, as the published pipeline did.
    """
    half_width = SINUSOID // 2
    exponents = torch.arange(half_width).float() * (-math.log(_BASE) / (half_width - 1))
    rates = exponents.double().exp().float()  # correctly rounded: an angle of 1000 shows the last digit of a frequency
    angles = (_TIME_SCALE * value).float()[:, None] * rates.to(value.device)
    return torch.cat((angles.sin(), angles.cos()), dim=-1)


def text_positions(positions: Tensor, width: int, *, exact: bool) -> Tensor:
    """[T] frame numbers as [T, width] float32, cosines first; rounded through float16 unless ``exact``."""
    angles = positions.float()[:, None] * _frequencies(width).to(positions.device)
    table = torch.cat((angles.cos(), angles.sin()), dim=-1)
    return table if exact else table.half().float()


def rotary_table(positions: Tensor, head_dim: int, *, exact: bool) -> tuple[Tensor, Tensor]:
    """Cosines and signed sines [T, head_dim] float32 of the rotation at each frame, as :func:`rotate` takes them.

    The published pipeline holds the frequencies in float16, which rotates far frames by up to a radian more or less;
    that is done here too unless ``exact``.
    """
    frequencies = _frequencies(head_dim) if exact else _frequencies(head_dim).half().float()
    angles = positions.float()[:, None] * frequencies.to(positions.device)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat((cos, cos), dim=-1), torch.cat((-sin, sin), dim=-1)


def rotate(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the two halves of each head [..., head_dim] against each other; the tables must broadcast."""
    return torch.addcmul(heads * cos, heads.roll(heads.shape[-1] // 2, dims=-1), sin)


def _frequencies(width: int) -> Tensor:
    """On the CPU, so that every device rotates far frames alike."""
    return 1.0 / _BASE ** (torch.arange(0, width, 2).float() / width)
