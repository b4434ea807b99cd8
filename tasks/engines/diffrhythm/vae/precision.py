"""The error of the autoencoder in reduced precision against float32, and its limit."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from catalog.common.errors import RefusedError
from tasks.engines.diffrhythm.vae.vae import LATENT_CHANNELS, Vae

LIMIT_DB = -60.0
"""The largest RMS error, relative to the float32 audio, that a reduced precision may have."""

PROBE_FRAMES = 64


def probe_latents(*, songs: int = 1, frames: int = PROBE_FRAMES, seed: int = 0) -> Tensor:
    """Standard-normal latents [songs, frames, 64], the scale of real ones, for measuring an autoencoder."""
    return torch.randn(songs, frames, LATENT_CHANNELS, generator=torch.Generator().manual_seed(seed))


def relative_error_db(vae_reference: Vae, vae_reduced: Vae, latents: Tensor) -> float:
    """RMS of the difference between two decodings of latents [B, T, 64], relative to the first, in dB.

    -inf where they are equal, +inf where the reduced one holds values that are not numbers or the reference is silent.
    """
    reference = vae_reference.decode(latents, chunked=False).double()
    error = (vae_reduced.decode(latents, chunked=False).double() - reference).square().mean().sqrt().item()
    level = reference.square().mean().sqrt().item()
    if error == 0:
        return -math.inf
    return 20 * math.log10(error / level) if math.isfinite(error) and level > 0 else math.inf


def check_precision(vae_reference: Vae, vae_reduced: Vae) -> float:
    """The reduced autoencoder's error on the probe, dB. Raises RefusedError where it is above :data:`LIMIT_DB`."""
    error_db = relative_error_db(vae_reference, vae_reduced, probe_latents())
    if error_db > LIMIT_DB:
        raise RefusedError(
            f"The autoencoder in {name_of(vae_reduced)} is {error_db:.1f} dB off float32, over {LIMIT_DB:g} dB",
            remedy="Decode in float32",
        )
    return error_db


def name_of(vae: Vae) -> str:
    """The precision by name: float32, tf32, float16 or bfloat16."""
    return "tf32" if vae.tf32 and vae.dtype == torch.float32 else str(vae.dtype).removeprefix("torch.")
