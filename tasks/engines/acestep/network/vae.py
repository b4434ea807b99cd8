"""The autoencoder apart from the pipeline: float samples as they come, long songs in tiles, references repeatably."""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from diffusers import AutoencoderOobleck
from torch import Tensor

from catalog.common.errors import InputError, MachineError, RefusedError
from catalog.models.store import InstalledModel
from tasks.audio.audio import Audio, Samples
from tasks.audio.files import resample
from tasks.engines.acestep.names import FRAME_SAMPLES, RATE_HZ, VAE_MODEL
from tasks.weights.networks import check_floats, network_without_weights
from tasks.weights.tensors import damaged, differences, read_json, read_tensors, redownload_remedy

CONFIG_FILE, WEIGHTS_FILE = "config.json", "diffusion_pytorch_model.safetensors"

SEGMENT_S, SEGMENTS = 10, 3
"""The parts of a reference that the timbre is taken from: its beginning, middle and end."""

LIMIT_DB = -60.0
"""The largest RMS error, relative to the float32 audio, that a reduced precision may have."""
PROBE_FRAMES = 64


class Vae:
    """The autoencoder on one device, in one precision."""

    def __init__(self, module: AutoencoderOobleck, device: torch.device, dtype: torch.dtype) -> None:
        self.module, self.device, self.dtype = module.to(device, dtype), device, dtype
        self.module.enable_tiling()  # takes effect above 512 frames, 20 s

    @classmethod
    def load(cls, model: InstalledModel, *, device: torch.device, dtype: torch.dtype = torch.float32) -> Vae:
        """The installed autoencoder. Raises MachineError where its files are damaged or of another kind."""
        remedy = redownload_remedy(VAE_MODEL)
        config_file = model.path(CONFIG_FILE)
        try:
            config = read_json(config_file)
        except (OSError, ValueError) as error:
            raise damaged(config_file, remedy=remedy) from error
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r".*weight_norm.* is deprecated", FutureWarning)
            module = network_without_weights(AutoencoderOobleck, config, model=VAE_MODEL)
        tensors = read_tensors(model.path(WEIGHTS_FILE), remedy=remedy)
        if differences(module.state_dict(), tensors) or (module.hop_length, module.sampling_rate) != (
            FRAME_SAMPLES,
            RATE_HZ,
        ):
            raise MachineError(f"the files of {VAE_MODEL} are not those of ACE-Step's autoencoder", remedy=remedy)
        check_floats(tensors, model=VAE_MODEL)
        # Copies, as tensors in a mapped file begin anywhere, and sums would round by their addresses.
        module.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()}, strict=True, assign=True)
        return cls(module.requires_grad_(False).eval(), device, dtype)

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Samples:
        """The float samples (2, frames · 1920) of latents [frames, channels], at their own level."""
        sound: Tensor = self.module.decode(latents.T[None].to(self.device, self.dtype)).sample[0]
        return np.ascontiguousarray(sound.float().cpu().numpy())

    @torch.inference_mode()
    def encode(self, audio: Audio) -> Tensor:
        """The mean of the latents [frames, channels] of stereo at 48 kHz: no draw, so that it repeats."""
        sound = torch.from_numpy(audio.samples)[None].to(self.device, self.dtype)
        latents: Tensor = self.module.encode(sound).latent_dist.mode()[0].T
        return latents.float().cpu().contiguous()


def reference_segments(audio: Audio) -> Audio:
    """Ten seconds each of a reference's beginning, middle and end, as stereo at 48 kHz; a short one is repeated.

    Raises InputError for a reference without sound.
    """
    samples = resample(audio, RATE_HZ).samples
    if samples.shape[1] == 0:  # none at all, or too few at a higher rate
        raise InputError("the reference has no samples", remedy="Use another recording")
    samples = np.repeat(samples, 2, axis=0) if len(samples) == 1 else samples[:2]
    segment = SEGMENT_S * RATE_HZ
    if (length := samples.shape[1]) < SEGMENTS * segment:
        samples = np.tile(samples, math.ceil(SEGMENTS * segment / length))
        length = samples.shape[1]
    starts = (0, length // SEGMENTS, length - segment)
    return Audio.of(np.concatenate([samples[:, start : start + segment] for start in starts], axis=1), RATE_HZ)


def check_precision(exact: Vae, reduced: Vae) -> float:
    """The error of the reduced autoencoder on normal latents, dB. Raises RefusedError above :data:`LIMIT_DB`."""
    channels = exact.module.config.decoder_input_channels
    probe = torch.randn(PROBE_FRAMES, channels, generator=torch.Generator().manual_seed(0))
    sound = exact.decode(probe).astype(np.float64)
    level, error = (float(np.sqrt(np.mean(part**2))) for part in (sound, reduced.decode(probe) - sound))
    error_db = -math.inf if error == 0 else 20 * math.log10(error / level) if error < math.inf and level else math.inf
    if not error_db <= LIMIT_DB:
        raise RefusedError(
            f"the autoencoder in {str(reduced.dtype).removeprefix('torch.')} is {error_db:.1f} dB off float32, "
            f"over {LIMIT_DB:g} dB",
            remedy="Set `vae_dtype: float32` in the song's settings",
        )
    return error_db
