"""Songs of a second or two, encoded by nobody, and parameters that train on them in seconds."""

from __future__ import annotations

import torch

from tasks.training.items import TrainingSong
from tasks.training.parameters import TrainingParameters

LINES = ((0.2, (20, 21, 22)), (0.9, (40, 41, 2, 42)), (1.6, ()), (1.8, (60, 61)))

TINY = TrainingParameters(
    rank=4,
    steps=6,
    batch=2,
    accumulation=1,
    learning_rate=2e-3,
    warm_up=2,
    crop_frames=16,
    evaluate_every=3,
)


def tuneful_song(name: str, *, seed: int, frames: int = 48, held_out: bool = False) -> TrainingSong:
    """Each channel a slow sine of its own: something to learn."""
    generator = torch.Generator().manual_seed(seed)
    rates, phases = 1.5 * torch.rand(64, 1, generator=generator), 6.3 * torch.rand(64, 1, generator=generator)
    return _song(name, 1.4 * torch.sin(rates * torch.arange(frames) + phases), generator, held_out=held_out)


def noise_song(name: str, *, seed: int, frames: int = 48, held_out: bool = False) -> TrainingSong:
    """Every number drawn for itself: nothing that another song teaches."""
    generator = torch.Generator().manual_seed(seed)
    return _song(name, torch.randn(64, frames, generator=generator), generator, held_out=held_out)


def _song(name: str, means: torch.Tensor, generator: torch.Generator, *, held_out: bool) -> TrainingSong:
    style = torch.nn.functional.normalize(torch.randn(512, generator=generator), dim=0)
    return TrainingSong(name, means, torch.full_like(means, -4.0), LINES, style, held_out)


def three_songs() -> list[TrainingSong]:
    """Two to learn from, and one held out."""
    return [
        tuneful_song("one", seed=1),
        tuneful_song("two", seed=2, frames=12),
        tuneful_song("three", seed=3, held_out=True),
    ]
