"""Inputs on which the exported files are compared with torch, and the comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tasks.engines.diffrhythm.export.graph import network_inputs
from tasks.engines.diffrhythm.export.modules import Velocity
from tasks.engines.diffrhythm.network.config import CONDITION, NetworkConfig
from tasks.engines.diffrhythm.vae.vae import LATENT_CHANNELS, Vae

Array = NDArray[np.generic]
Arrays = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Difference:
    """Between an output and the wanted one: the largest difference, the wanted level (RMS), and the RMS of the
    difference relative to it in dB (-inf where both are equal)."""

    largest: float
    level: float
    relative_db: float


def network_example(config: NetworkConfig, *, rows: int, frames: int, seed: int = 0) -> dict[str, Array]:
    """Inputs of ``rows`` songs by name; the last row is as in the null branch of guidance: no words, nothing known."""
    generator = np.random.Generator(np.random.PCG64(seed))
    latent_shape = (rows, frames, config.mel_dim)
    arrays: dict[str, Array] = {
        "x": generator.standard_normal(latent_shape, np.float32),
        "cond": generator.standard_normal(latent_shape, np.float32),
        "text": generator.integers(0, config.symbols + 1, (rows, frames), np.int64),
        "time": generator.random(rows, np.float32),
        "start_time": generator.random(rows, np.float32),
        "style": _unit_rows(generator.standard_normal((rows, CONDITION), np.float32)),
        "duration": generator.random(rows, np.float32),
    }
    arrays["cond"][-1], arrays["text"][-1] = 0, 0
    return {name: arrays[name] for name in network_inputs(has_duration=config.has_duration)}


def decoder_example(*, frames: int, seed: int = 0) -> dict[str, Array]:
    """Standard-normal latents [1, 64, frames], the scale of real ones."""
    generator = np.random.Generator(np.random.PCG64(seed))
    return {"latents": generator.standard_normal((1, LATENT_CHANNELS, frames), np.float32)}


@torch.no_grad()
def torch_velocity(velocity: Velocity, inputs: Arrays) -> Array:
    """The network's output for inputs, by torch."""
    output: Array = velocity(*(torch.from_numpy(inputs[name]) for name in inputs)).numpy()
    return output


def torch_audio(vae: Vae, inputs: Arrays) -> Array:
    """The decoder's output for inputs, by torch."""
    latents = torch.from_numpy(inputs["latents"]).transpose(1, 2)
    audio: Array = vae.decode(latents, chunked=False).numpy()
    return audio


def difference(output: Array, wanted: Array) -> Difference:
    """The difference of two arrays of one shape; infinite where the shapes differ or a value is not finite."""
    if output.shape != wanted.shape or not np.isfinite(output).all():
        return Difference(math.inf, _rms(wanted), math.inf)
    error = output.astype(np.float64) - wanted.astype(np.float64)
    level, error_level = _rms(wanted), _rms(error)
    ratio = error_level / level if level else math.inf
    relative_db = 20 * math.log10(ratio) if error_level else -math.inf
    return Difference(float(np.abs(error).max(initial=0.0)), level, relative_db)


def _rms(array: Array) -> float:
    return math.sqrt(float(np.square(array.astype(np.float64)).mean()))


def _unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    unit_rows: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit_rows
