"""How far a network in another form is from the same network in full precision, by a fixed song."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from tasks.engines.diffrhythm.network.conditioning import Conditioning
from tasks.engines.diffrhythm.network.config import CONDITION, FULL_FRAMES, NetworkConfig
from tasks.engines.diffrhythm.network.sampler import Sampler, Sampling, noise

PROBE_FRAMES = 256
PROBE_TOKENS = 200
PROBE_TIMES = (0.1, 0.5, 0.9)
SAMPLE_FRAMES = 512
SAMPLE = Sampling(steps=32, cfg_strength=4.0)
SEED = 20


@dataclass(frozen=True, slots=True)
class SampleError:
    """A sample's error relative to the reference's length, and the cosine of both latents averaged over time."""

    error: float
    cosine: float


def probe_velocities(sampler: Sampler, config: NetworkConfig, *, frames: int = PROBE_FRAMES) -> list[Tensor]:
    """The velocities [T, 64] of one fixed song at a few times, float32 on the CPU."""
    song = probe_song(config, frames)
    latents = noise(SEED, frames)
    return [sampler.velocity(song, latents, time).cpu() for time in PROBE_TIMES]


def probe_sample(sampler: Sampler, config: NetworkConfig, *, frames: int, sampling: Sampling) -> Tensor:
    """The latent [T, 64] of the same song, float32 on the CPU."""
    return sampler.sample([probe_song(config, frames)], [noise(SEED, frames)], sampling)[0].cpu()


def probe_song(config: NetworkConfig, frames: int) -> Conditioning:
    """A song of 200 tokens in a row of words with pauses, and of a style of length 1, equal on every machine."""
    generator = torch.Generator().manual_seed(SEED)
    style = F.normalize(torch.randn(CONDITION, generator=generator), dim=0)
    count = min(PROBE_TOKENS, frames)
    text = torch.zeros(frames, dtype=torch.int64)
    text[:count] = torch.randint(1, config.symbols + 1, (count,), generator=generator)
    duration = frames / FULL_FRAMES if config.has_duration else None
    return Conditioning(text=text, style=style, negative_style=torch.zeros(CONDITION), duration=duration)


def worst_error(references: Sequence[Tensor], others: Sequence[Tensor]) -> float:
    """The largest relative error of any; infinite where one is not finite."""
    return max(relative_error(reference, other) for reference, other in zip(references, others, strict=True))


def relative_error(reference: Tensor, other: Tensor) -> float:
    """‖other - reference‖ / ‖reference‖; infinite where it is no number."""
    error = ((other.double() - reference.double()).norm() / reference.double().norm()).item()
    return error if error == error else float("inf")


def sample_error(reference: Tensor, other: Tensor) -> SampleError:
    """The figures of one latent [T, 64] beside another."""
    cosine = F.cosine_similarity(reference.double().mean(0), other.double().mean(0), dim=0).item()
    return SampleError(relative_error(reference, other), cosine if cosine == cosine else -1.0)
