"""The models of the ACE-Step engine, its packages, and the figures of its latents. Without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Variant = Literal["turbo", "sft", "base", "xl-turbo", "xl-sft", "xl-base"]
"""The published networks; those named turbo need 8 steps and no guidance."""

NETWORK_PREFIX = "acestep-1.5-"
VARIANTS: tuple[Variant, ...] = ("turbo", "sft", "base", "xl-turbo", "xl-sft", "xl-base")
NETWORKS = tuple(f"{NETWORK_PREFIX}{variant}" for variant in VARIANTS)
"""The registry's names of the networks."""

VAE_MODEL = "acestep-1.5-vae"
TEXT_MODEL = "qwen3-embedding-0.6b"
TOKENIZER_FILE = "tokenizer.json"

PACKAGES = ("torch", "diffusers", "transformers", "tokenizers", "safetensors")
"""Packages of the ``acestep`` extra that planning or rendering needs."""

RATE_HZ = 48_000
FRAME_RATE_HZ = 25
FRAME_SAMPLES = RATE_HZ // FRAME_RATE_HZ
"""Samples that one frame of the latents stands for: 1920."""

SHORTEST_S, LONGEST_S = 10, 600

LAYER_NAMES: Mapping[str, str] = {
    "q_proj": "to_q",
    "k_proj": "to_k",
    "v_proj": "to_v",
    "o_proj": "to_out.0",
    "q_norm": "norm_q",
    "k_norm": "norm_k",
}
"""The authors' names of parts of an attention, and those of diffusers."""


def diffusers_name(layer: str) -> str:
    """A layer's name in diffusers' network, from the authors' name or its own."""
    return ".".join(LAYER_NAMES.get(part, part) for part in layer.removeprefix("decoder.").split("."))


def is_turbo(variant: str) -> bool:
    """Whether a network of that kind was distilled: few steps, and guidance is part of its weights."""
    return variant.endswith("turbo")
