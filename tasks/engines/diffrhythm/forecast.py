"""The cost of rendering a recipe, from the size of its network before anything is loaded."""

from __future__ import annotations

import os

from catalog.recipe import Recipe
from tasks.engines.base import Forecast
from tasks.engines.diffrhythm.weight_forms import bytes_per_weight, speed

FLOPS_PER_WEIGHT_AND_FRAME = 1.97
"""Linear layers and position convolutions: 2.187e9 operations per frame over 1.109e9 weights."""
ATTENTION_SHARE_PER_FRAME = 6.0e-5
"""Attention grows with the square of the frames: 1.311e5 over 2.187e9 per frame."""
VAE_FLOPS_PER_BYTE_AND_FRAME = 5.04e9 * 1.33 / 625e6
"""The published decoder with its overlapping chunks, by the size of its file."""

CPU_FLOPS_PER_CORE = 3.0e10
CUDA_FLOPS = 2.5e14
"""The assumed rate of an unknown device: half of what an H100 reaches."""

FRAME_BYTES = 2048 * 2 * 4 + 64 * 4
"""Audio and latent of one frame in the store, float32."""
WEIGHT_FILE_BYTES = 2
ACTIVATION_BYTES_PER_FRAME = 400_000
MEMORY_BASE_BYTES = 1 << 30


def forecast(recipe: Recipe, *, weights_bytes: int, vae_bytes: int, device: str, has_bfloat16: bool) -> Forecast:
    """Time, memory and stored bytes of one recipe; the sizes are those of the network's and the decoder's file.

    ``has_bfloat16`` is whether the processor has it, for renders on a CPU.
    """
    inputs = recipe.inputs
    frames, weights = inputs["frames"], weights_bytes / WEIGHT_FILE_BYTES
    branches = 2 if inputs["cfg_strength"] > 0 else 1
    step_flops = FLOPS_PER_WEIGHT_AND_FRAME * weights * frames * (1 + ATTENTION_SHARE_PER_FRAME * frames)
    sampler_flops = step_flops * branches * (inputs["steps"] - 1)
    vae_flops = VAE_FLOPS_PER_BYTE_AND_FRAME * vae_bytes * frames
    rate = CUDA_FLOPS if device == "cuda" else CPU_FLOPS_PER_CORE * len(os.sched_getaffinity(0))
    seconds = (sampler_flops / speed(inputs, device=device, has_bfloat16=has_bfloat16) + vae_flops) / rate
    memory = MEMORY_BASE_BYTES + int(weights * bytes_per_weight(inputs)) + frames * ACTIVATION_BYTES_PER_FRAME
    return Forecast(seconds=seconds, memory_bytes=memory, stored_bytes=frames * FRAME_BYTES)
