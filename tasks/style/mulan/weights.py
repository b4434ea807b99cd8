"""The weights of MuQ-MuLan, from any of its files and naming schemes."""

from __future__ import annotations

from pathlib import Path

import torch

from catalog.common.errors import MachineError
from tasks.style.mulan.names import JOINT_FOLDER, MUQ_MULAN
from tasks.weights.tensors import Tensors, load_into, read_tensors, redownload_remedy

NAMES = ("model.safetensors", "pytorch_model.bin")
PULL_AGAIN = redownload_remedy(MUQ_MULAN)


def fill(module: torch.nn.Module, folder: Path) -> None:
    """Load the weights of the model in ``folder`` into ``module``: every tensor, and no other.

    Raises MachineError for a file that is missing, damaged or of another model; it names the tensors that are wrong.
    """
    file = _weights_file(folder)
    tensors = _with_new_names(read_tensors(file, remedy=PULL_AGAIN))
    load_into(module, tensors, component=f"{file.parent.name}/{file.name}", model="MuQ-MuLan large", remedy=PULL_AGAIN)


def _weights_file(folder: Path) -> Path:
    for name in NAMES:
        file = folder / JOINT_FOLDER / name
        if file.is_file():
            return file
    raise MachineError(
        f"{MUQ_MULAN} is not whole: {JOINT_FOLDER}/{NAMES[1]} is missing",
        remedy=f"Run `songline models pull {MUQ_MULAN}`",
    )


def _with_new_names(tensors: Tensors) -> dict[str, torch.Tensor]:
    """Weight-normalised layers with current torch's names; the release may have been saved with either."""
    renames = {".weight_g": ".parametrizations.weight.original0", ".weight_v": ".parametrizations.weight.original1"}
    renamed_tensors = {}
    for name, tensor in tensors.items():
        ending = next((ending for ending in renames if name.endswith(ending)), "")
        renamed_tensors[name.removesuffix(ending) + renames.get(ending, "")] = tensor
    return renamed_tensors
