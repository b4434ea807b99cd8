"""Sample latents from noise by Euler's method, many seeds or songs of one length at once.

A latent's result does not depend on the rest of its batch: its noise comes from its own seed, and no operation of the
network mixes songs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from tasks.engines.diffrhythm.network.conditioning import Conditioning, regenerated_frames
from tasks.engines.diffrhythm.network.evaluator import Evaluator
from tasks.engines.diffrhythm.network.fused import FusedLayer
from tasks.engines.diffrhythm.network.network import DiT
from tasks.engines.diffrhythm.network.schedule import SWAY_RANGE, time_grid

__all__ = ["Conditioning", "Sampler", "Sampling", "noise", "regenerated_frames"]

LATENT_CHANNELS = 64
UNGUIDED_BELOW = 1e-5
"""Weaker guidance counts as none, and the null branch is not evaluated."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """The sampling parameters of a song: ``steps`` points in time (one evaluation fewer), guidance strength, grid
    sway."""

    steps: int = 32
    cfg_strength: float = 4.0
    sway: float = 0.0

    def __post_init__(self) -> None:
        low, high = SWAY_RANGE
        if self.steps < 1 or not low <= self.sway <= high or not 0 <= self.cfg_strength < float("inf"):
            raise ValueError(f"no such sampling: {self}")

    @property
    def guided(self) -> bool:
        """Whether both branches are evaluated."""
        return self.cfg_strength >= UNGUIDED_BELOW

    @property
    def evaluations(self) -> int:
        """The number of evaluations of each branch."""
        return self.steps - 1


def noise(seed: int, frames: int) -> Tensor:
    """Standard normal [frames, 64] float32 on the CPU from a generator of its own, equal for every device and batch."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(frames, LATENT_CHANNELS, generator=generator)


class Sampler:
    """Samples latents with one network, which it takes over: it is moved to ``device`` and its layers to ``dtype``.

    Flow time, latents and everything close to them stay float32 in any ``dtype``. ``compile`` compiles the element-wise
    stages between the matrix products, and whole layers where a GPU has quantised ones; the samples then differ by
    rounding. ``layers`` take the place of the network's own.
    """

    def __init__(
        self,
        network: DiT,
        *,
        device: torch.device | str,
        dtype: torch.dtype,
        compile: bool = False,
        layers: Iterable[FusedLayer] | None = None,
    ) -> None:
        self._device = torch.device(device)
        self._exact = dtype == torch.float32
        self._evaluator = Evaluator(network, device=self._device, dtype=dtype, compile=compile, layers=layers)

    @torch.no_grad()
    def sample(
        self,
        songs: Sequence[Conditioning],
        noises: Sequence[Tensor],
        sampling: Sampling,
        *,
        on_prepared: Callable[[], None] = lambda: None,
    ) -> Tensor:
        """Latents [B, T, 64] float32 on the sampler's device, for B songs of T frames and B noises [T, 64].

        Give one :class:`Conditioning` several times for several seeds of a song. ``on_prepared`` is called when
        everything that does not depend on time is done. Raises ValueError where lengths or numbers do not agree.
        """
        _check(songs, noises)
        latents = torch.stack(list(noises)).to(self._device, torch.float32)
        grid = time_grid(sampling.steps, sampling.sway)
        with _whole_float32() if self._exact else nullcontext():
            self._integrate(latents, songs, grid, sampling, on_prepared)
        return torch.stack([song.restore(latent) for song, latent in zip(songs, latents, strict=True)])

    @torch.no_grad()
    def velocity(self, song: Conditioning, latent: Tensor, time: float) -> Tensor:
        """The velocity [T, 64] of one song at ``latent`` [T, 64] and flow time ``time``, without guidance."""
        with _whole_float32() if self._exact else nullcontext():
            preparation = self._evaluator.prepare([song], torch.tensor([time]), guided=False)
            return self._evaluator.velocity(latent[None].to(self._device, torch.float32), preparation, 0)[0]

    def _integrate(
        self,
        latents: Tensor,
        songs: Sequence[Conditioning],
        grid: Tensor,
        sampling: Sampling,
        on_prepared: Callable[[], None],
    ) -> None:
        """Integrate ``latents`` along the grid in place; nothing here waits for the device."""
        if sampling.evaluations == 0:
            return
        preparation = self._evaluator.prepare(songs, grid[:-1], guided=sampling.guided)
        on_prepared()
        for step, interval in enumerate(grid.diff().tolist()):
            velocity = self._evaluator.velocity(latents, preparation, step)
            if sampling.guided:
                cond, null = velocity.chunk(2)
                velocity = torch.add(cond, cond - null, alpha=sampling.cfg_strength)
            latents.add_(velocity, alpha=interval)


def _whole_float32() -> AbstractContextManager[None]:
    """Convolutions in full float32, like matrix products: by default cuDNN would round their inputs to TF32."""
    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)


def _check(songs: Sequence[Conditioning], noises: Sequence[Tensor]) -> None:
    if not songs or len(songs) != len(noises):
        raise ValueError(f"{len(songs)} songs and {len(noises)} noises")
    wanted_shape = (len(songs[0].text), LATENT_CHANNELS)
    if any(len(song.text) != wanted_shape[0] for song in songs) or any(
        tuple(noise_array.shape) != wanted_shape for noise_array in noises
    ):
        raise ValueError(f"songs and noises that share a batch have one length, here {wanted_shape[0]} frames")
