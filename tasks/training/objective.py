"""The training objective: the velocity from noise to latent, over the frames that are not padding."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from tasks.engines.diffrhythm.network.config import FULL_FRAMES
from tasks.engines.diffrhythm.network.network import DiT
from tasks.training.items import Item


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Items of one length as tensors: ``latent`` and ``noise`` [B, T, 64], ``text`` [B, T], ``style`` [B, 512], and
    ``time``, ``start_time``, ``frames`` [B]."""

    latent: Tensor
    noise: Tensor
    text: Tensor
    style: Tensor
    time: Tensor
    start_time: Tensor
    frames: Tensor

    @classmethod
    def of(cls, items: Sequence[Item], device: torch.device) -> Batch:
        """The items as one batch on a device."""
        return cls(
            latent=torch.stack([item.latent for item in items]).to(device),
            noise=torch.stack([item.noise for item in items]).to(device),
            text=torch.stack([item.text for item in items]).to(device),
            style=torch.stack([item.style for item in items]).to(device),
            time=torch.tensor([item.time for item in items], device=device),
            start_time=torch.tensor([item.start_time for item in items], device=device),
            frames=torch.tensor([item.frames for item in items], device=device),
        )


def squared_error(network: DiT, batch: Batch, *, checkpointing: bool = False) -> Tensor:
    """The sum of squared errors of the predicted velocity over all valid frames and channels, a float32 scalar.

    At flow time t the network sees (1 - t)·noise + t·latent and predicts latent - noise. It sees the padding too, as
    the published network did in its training; only the error leaves it out. The known latent is never given. Divide by
    the valid elements of the whole step, not of this batch, so that a step is the same however it is split.
    """
    mix = batch.time[:, None, None]
    x = (1 - mix) * batch.noise + mix * batch.latent
    velocity = network(
        x,
        torch.zeros_like(x),
        batch.text,
        batch.time,
        batch.style,
        start_time=batch.start_time,
        duration=batch.frames / FULL_FRAMES if network.config.has_duration else None,
        checkpointing=checkpointing,
    )
    valid = torch.arange(x.shape[1], device=x.device) < batch.frames[:, None]
    error: Tensor = (velocity.float() - (batch.latent - batch.noise))[valid].square().sum()
    return error


def precision(device: torch.device, dtype: str) -> AbstractContextManager[None]:
    """The context to calculate in: automatic bfloat16 on a CUDA device where that is asked for, else as it is."""
    enabled = dtype == "bfloat16" and device.type == "cuda"
    context: AbstractContextManager[None] = torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)
    return context
