"""The cost of rendering a recipe, from the size of its network before anything is loaded."""

from __future__ import annotations

import os

from catalog.recipe import Recipe
from tasks.engines.acestep.names import FRAME_SAMPLES
from tasks.engines.base import Forecast

SHARE_OF_SAMPLER = 0.66
SHARE_OF_SAMPLER_XL = 0.87
"""Of a network's file: the rest are the condition encoder, which runs once, and parts for covers, which never run."""

FILE_BYTES_PER_WEIGHT = 2
PATCH = 2
"""Frames of the latents that are one token of the sampler."""

ATTENTION_SHARE_PER_TOKEN = 6.5e-5
"""Attention grows with the square of the tokens: in every other layer over all of them."""

DECODER_FLOPS_PER_FRAME = 5.0e9
DECODER_OVERLAP = 1.33
"""Tiles of 512 frames, of which 128 are decoded twice."""

SPEED_OF_BFLOAT16 = 2.2
"""Times as fast as float32 on a CPU that has it, measured on the sampler of DiffRhythm."""

CPU_FLOPS_PER_CORE = 3.0e10
CUDA_FLOPS = 2.5e14
"""The assumed rate of an unknown device: half of what an H100 reaches."""

STORED_BYTES_PER_FRAME = FRAME_SAMPLES * 2 * 4 + 64 * 4
"""Audio and latent of one frame in the store, float32."""

ACTIVATION_BYTES_PER_FRAME = 150_000
DECODER_BYTES = 2 << 30
SEEDS_AT_ONCE = 4
"""Songs that are expected in one batch: their activations stand beside one another, the decoder takes one at a time."""


def forecast(recipe: Recipe, *, network_bytes: int, other_bytes: int, device: str, has_bfloat16: bool) -> Forecast:
    """Time, memory and stored bytes of one recipe; the sizes are those of the network's file and of the others.

    ``has_bfloat16`` is whether the processor has it, for renders on a CPU.
    """
    inputs = recipe.inputs
    frames, tokens = inputs["frames"], inputs["frames"] / PATCH
    share = SHARE_OF_SAMPLER_XL if "-xl-" in inputs["files"]["network"]["name"] else SHARE_OF_SAMPLER
    weights = share * network_bytes / FILE_BYTES_PER_WEIGHT
    branches = 2 if inputs.get("guidance", 1) > 1 else 1
    sampler_flops = 2 * weights * tokens * (1 + ATTENTION_SHARE_PER_TOKEN * tokens) * branches * inputs["steps"]
    decoder_flops = DECODER_FLOPS_PER_FRAME * DECODER_OVERLAP * frames
    rate = CUDA_FLOPS if device == "cuda" else CPU_FLOPS_PER_CORE * len(os.sched_getaffinity(0))
    is_fast = device == "cpu" and has_bfloat16 and inputs["dtype"] == "bfloat16"
    seconds = (sampler_flops / (SPEED_OF_BFLOAT16 if is_fast else 1.0) + decoder_flops) / rate
    width = 4 if inputs["dtype"] == "float32" else 2
    held_bytes = (network_bytes + other_bytes) * width // FILE_BYTES_PER_WEIGHT
    memory = held_bytes + DECODER_BYTES + SEEDS_AT_ONCE * branches * frames * ACTIVATION_BYTES_PER_FRAME
    return Forecast(seconds=seconds, memory_bytes=memory, stored_bytes=frames * STORED_BYTES_PER_FRAME)
