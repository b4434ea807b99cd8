"""A decoder of the published form and widths with random weights: 2048 samples a frame in five stages."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CHUNK_FRAMES, HOP_FRAMES = 128, 96
STRIDES = (8, 8, 4, 4, 2)


class Snake(nn.Module):
    """A periodic activation with its own frequency and strength per channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.frequency = nn.Parameter(torch.ones(width, 1))
        self.strength = nn.Parameter(torch.ones(width, 1))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, N] to the same."""
        return torch.addcmul(x, self.strength, torch.sin(self.frequency * x).square())


class ResidualUnit(nn.Module):
    """A dilated and a pointwise convolution."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        wide = nn.Conv1d(width, width, 7, dilation=dilation, padding=3 * dilation)
        self.parts = nn.Sequential(Snake(width), wide, Snake(width), nn.Conv1d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, N] to the same."""
        changed: Tensor = self.parts(x)
        return x + changed


def decoder(width: int) -> nn.Sequential:
    """Latents [B, 64, T] to audio [B, 2, 2048 T]; ``width`` is 2048 in the published one."""
    widths = [width, width // 2, width // 4, width // 8, width // 16, width // 16]
    parts: list[nn.Module] = [nn.Conv1d(64, width, 7, padding=3)]
    for before, after, stride in zip(widths, widths[1:], STRIDES, strict=False):
        up = nn.ConvTranspose1d(before, after, 2 * stride, stride=stride, padding=stride // 2)
        parts += [Snake(before), up, *(ResidualUnit(after, dilation) for dilation in (1, 3, 9))]
    return nn.Sequential(*parts, Snake(widths[-1]), nn.Conv1d(widths[-1], 2, 7, padding=3))


def chunks_of(frames: int) -> int:
    """How many overlapping chunks a song is decoded in."""
    return 1 if frames <= CHUNK_FRAMES else 1 + -(-(frames - CHUNK_FRAMES) // HOP_FRAMES)
