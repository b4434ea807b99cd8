"""The step ``train_latent``: a recording as the means and scales of the autoencoder, from which training draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from catalog.common.errors import InputError, WorkError
from catalog.ledger.work import Product, StepOutcome
from catalog.models.store import InstalledModel, ModelStore
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio, resample
from tasks.engines.diffrhythm.network.frames import SAMPLE_RATE
from tasks.engines.diffrhythm.vae.vae import LATENT_CHANNELS, Vae
from tasks.npy import npy_bytes
from tasks.steps.run_step import StepContext
from tasks.training.audible import LEARNED_CHANNELS, is_silent

MEDIA_TYPE = "application/x-npy"
PEAK = 10 ** (-6 / 20)
"""-6 dBFS: the published pipeline brings every recording to this peak before it is encoded."""


def train_latent(context: StepContext) -> StepOutcome:
    """The moments [128, F] of the input ``audio`` as the product ``moments``, float32 ``.npy``.

    The parameter ``vae`` names the autoencoder by its digest. Raises ModelMissing, WorkError where another is
    installed, InputError for audio that is silent or too short.
    """
    parameters = context.request.parameters
    model = installed_model(context.catalog.models, parameters["vae"])
    audio = for_encoding(read_audio(context.input("audio")))
    vae = Vae.load(model.weights, device=context.catalog.settings.device_here)
    moments = vae.encode_moments(audio)
    if not torch.isfinite(moments).all():
        raise WorkError("the encoded recording holds numbers that are not finite", remedy="Export the recording again")
    path = context.scratch / "moments.npy"
    write_moments(path, moments)
    return StepOutcome({"frames": int(moments.shape[1])}, (Product("moments", path, MEDIA_TYPE),))


def for_encoding(audio: Audio) -> Tensor:
    """A recording as the published pipeline encodes it, float32 [2, N]: 44.1 kHz, stereo, peak at -6 dBFS.

    Raises InputError for silence.
    """
    samples = resample(audio, SAMPLE_RATE).samples
    stereo = np.repeat(samples, 2, axis=0) if audio.channels == 1 else samples[:LEARNED_CHANNELS]
    if is_silent(stereo):
        raise InputError("the recording is silent", remedy="Leave it out of the training")
    peak = float(np.abs(stereo).max())
    return torch.from_numpy(np.ascontiguousarray(stereo * np.float32(PEAK / peak)))


def write_moments(path: Path, moments: Tensor) -> None:
    """Write moments as ``.npy``: equal numbers are equal bytes."""
    path.write_bytes(npy_bytes(moments.numpy().astype("<f4")))


def read_moments(path: Path) -> tuple[Tensor, Tensor]:
    """Means and scales [64, F] that :func:`write_moments` wrote. Raises WorkError for anything else."""
    try:
        moments = np.load(path, allow_pickle=False)
        if moments.dtype != np.float32 or moments.ndim != 2 or moments.shape[0] != 2 * LATENT_CHANNELS:
            raise ValueError(f"{moments.dtype} {moments.shape}")
    except (ValueError, EOFError, OSError) as error:
        raise WorkError("the moments of a song are damaged", remedy="Run `songline verify`") from error
    return torch.from_numpy(moments[:LATENT_CHANNELS]), torch.from_numpy(moments[LATENT_CHANNELS:])


def installed_model(models: ModelStore, stated: dict[str, str]) -> InstalledModel:
    """The model that a request names. Raises ModelMissing, WorkError where its files are others."""
    model = models.need(stated["name"])
    if model.digest != stated["digest"]:
        raise WorkError(
            f"the files of {stated['name']} here are not those that the training names",
            remedy="Start the training again, or bring this machine's models up to date",
        )
    return model
