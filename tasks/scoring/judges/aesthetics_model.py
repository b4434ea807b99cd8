"""audiobox-aesthetics from its published checkpoint: the package's network, filled by one strict load.

The package's own predictor is not used: it unpickles any content of the file, contacts the hub, and reads audio through
torchaudio. Only the network's class is used, which does none of that.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import torch

from catalog.common.errors import MachineError
from tasks.audio.audio import Audio
from tasks.scoring.judge_specs import AXES
from tasks.scoring.judges.windows import WINDOW_S
from tasks.scoring.registry import AUDIOBOX, install_command
from tasks.weights.tensors import damaged, load_into, preserved_rng_state, read_pickle, redownload_remedy

RATE_HZ = 16_000
FRAMES = round(WINDOW_S * RATE_HZ)
CHECKPOINT = "checkpoint.pt"
PULL_AGAIN = redownload_remedy(AUDIOBOX)

SHAPE = (
    "proj_num_layer",
    "proj_ln",
    "proj_act_fn",
    "proj_dropout",
    "nth_layer",
    "use_weighted_layer_sum",
    "normalize_embed",
    "output_dim",
)
"""The fields of the checkpoint's ``model_cfg`` that shape the network; its precision field is that of training."""


class Aesthetics:
    """A loaded audiobox-aesthetics; ``scales`` are mean and deviation of each axis over the training set."""

    def __init__(self, network: Any, scales: Mapping[str, tuple[float, float]], *, device: str) -> None:
        self._network = network
        self._scales = scales
        self._device = device

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu") -> Aesthetics:
        """The model installed in ``folder``.

        Raises MachineError where its package is not installed, or the checkpoint is missing, damaged or another
        model's.
        """
        file = folder / CHECKPOINT
        if not file.is_file():
            problem = f"{AUDIOBOX} is not whole: {CHECKPOINT} is missing"
            raise MachineError(problem, remedy=f"Run `songline models pull {AUDIOBOX}`")
        shape, scales, tensors = _parts(file)
        network = _built(shape)
        load_into(network, tensors, component=file.name, model=AUDIOBOX, remedy=PULL_AGAIN)
        return cls(network.float().eval().to(device), scales, device=device)

    def axes(self, part: Audio) -> Mapping[str, float]:
        """Each axis of a passage (channels, frames) of up to ten seconds, 1 to 10; a shorter one is masked."""
        mono = part.samples.mean(axis=0)
        if part.rate != RATE_HZ:
            mono = soxr.resample(mono, part.rate, RATE_HZ, quality="HQ")
        mono = mono[:FRAMES]
        wave = torch.zeros(1, 1, FRAMES)
        wave[0, 0, : len(mono)] = torch.from_numpy(np.ascontiguousarray(mono))
        mask = torch.arange(FRAMES)[None, None] < len(mono)
        # Even in inference it draws a number per layer, which training would skip the layer by.
        with torch.inference_mode(), preserved_rng_state(), warnings.catch_warnings():
            # Its attention mixes kinds of masks, which torch has deprecated.
            warnings.simplefilter("ignore", UserWarning)
            outputs = self._network({"wav": wave.to(self._device), "mask": mask.to(self._device)})
        return {axis: float(outputs[axis]) * deviation + mean for axis, (mean, deviation) in self._scales.items()}


def _parts(file: Path) -> tuple[dict[str, Any], dict[str, tuple[float, float]], dict[str, torch.Tensor]]:
    """The network's shape, the axes' scales and the tensors of a checkpoint."""
    checkpoint = read_pickle(file, remedy=PULL_AGAIN)
    try:
        if not isinstance(checkpoint, Mapping):
            raise TypeError("no checkpoint")
        shape = {name: checkpoint["model_cfg"][name] for name in SHAPE}
        scales = {axis: checkpoint["target_transform"][axis] for axis in AXES}
        tensors = {name.removeprefix("model."): tensor for name, tensor in checkpoint["state_dict"].items()}
        if not all(isinstance(tensor, torch.Tensor) for tensor in tensors.values()):
            raise TypeError("no tensors")
        return shape, {axis: (float(scale["mean"]), float(scale["std"])) for axis, scale in scales.items()}, tensors
    except (KeyError, TypeError, AttributeError, ValueError) as fault:
        raise damaged(file, remedy=PULL_AGAIN) from fault


def _built(shape: Mapping[str, Any]) -> Any:
    """The network with random weights."""
    try:
        from audiobox_aesthetics.model.aes import AesMultiOutput  # type: ignore[import-untyped]
    except ImportError as fault:
        raise MachineError(
            f"{AUDIOBOX} needs packages that are not installed ({fault})",
            remedy=f"Run `{install_command('aesthetics')}`",
        ) from fault
    try:
        with warnings.catch_warnings(), preserved_rng_state():
            # It normalises weights in a way that torch has since replaced; the checkpoint's names depend on it.
            warnings.simplefilter("ignore", FutureWarning)
            return AesMultiOutput(**shape, precision="32")
    except (TypeError, ValueError, RuntimeError) as fault:
        raise MachineError(f"{CHECKPOINT} does not describe {AUDIOBOX}: {fault}", remedy=PULL_AGAIN) from fault
