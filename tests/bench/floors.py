"""The least time that arithmetic takes, for comparison with what was measured."""

from __future__ import annotations

VAE_DECODE_FLOPS_PER_FRAME = 5.04e9
"""One latent frame (2048 samples) through the published decoder's widths."""

REFERENCE_FLOPS_PER_S = 790e12
"""What matrix products in bfloat16 have been measured to reach on an H200; the floor of a time is told against it."""


def floor_s(flops: float, flops_per_s: float = REFERENCE_FLOPS_PER_S) -> float:
    """Seconds that so much arithmetic takes at least."""
    return flops / flops_per_s


def decode_flops(frames: int) -> float:
    """A latent of ``frames`` decoded whole."""
    return VAE_DECODE_FLOPS_PER_FRAME * frames
