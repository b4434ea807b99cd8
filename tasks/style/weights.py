"""The weights of MuQ-MuLan: read from a file that is not trusted, held against the model, and put in whole."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from catalog.errors import MachineError
from tasks.style.names import JOINT_FOLDER, MUQ_MULAN

NAMES = ("model.safetensors", "pytorch_model.bin")
PULL_AGAIN = f"Run `songline models verify {MUQ_MULAN}`, and pull it again where a file is wrong"

DERIVED = ("embeddings.position_ids", "embeddings.token_type_ids")
"""Counters that older transformers wrote into checkpoints; every model makes its own."""

Tensors = Mapping[str, torch.Tensor]


def fill(module: torch.nn.Module, folder: Path) -> None:
    """Give ``module`` the weights of the model in ``folder``: every tensor, and none else.

    Raises MachineError for a file that is missing, damaged or of another model; it names the tensors that are wrong.
    """
    file = _weights_file(folder)
    tensors = {name: tensor for name, tensor in _read(file).items() if not name.endswith(DERIVED)}
    tensors = _with_new_names(tensors)
    if fault := _mismatch(module.state_dict(), tensors):
        raise MachineError(f"{file.parent.name}/{file.name} is not of MuQ-MuLan large: {fault}", remedy=PULL_AGAIN)
    module.load_state_dict(tensors, strict=True)


def _weights_file(folder: Path) -> Path:
    for name in NAMES:
        file = folder / JOINT_FOLDER / name
        if file.is_file():
            return file
    raise MachineError(
        f"{MUQ_MULAN} is not whole: {JOINT_FOLDER}/{NAMES[1]} is missing",
        remedy=f"Run `songline models pull {MUQ_MULAN}`",
    )


def _read(file: Path) -> Tensors:
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        # Only tensors are unpickled; a mapped file is not held in memory beside the model.
        state = torch.load(file, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file))
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError, SafetensorError) as fault:
        raise _damaged(file) from fault
    if not isinstance(state, Mapping) or not all(isinstance(tensor, torch.Tensor) for tensor in state.values()):
        raise _damaged(file)
    return state


def _damaged(file: Path) -> MachineError:
    return MachineError(
        f"{file.parent.name}/{file.name} cannot be read as weights: it is damaged, cut short or something else",
        remedy=PULL_AGAIN,
    )


def _with_new_names(tensors: Tensors) -> dict[str, torch.Tensor]:
    """Weight-normalised layers in the names of today's torch; the release may have been saved with either."""
    renames = {".weight_g": ".parametrizations.weight.original0", ".weight_v": ".parametrizations.weight.original1"}
    renamed = {}
    for name, tensor in tensors.items():
        ending = next((ending for ending in renames if name.endswith(ending)), "")
        renamed[name.removesuffix(ending) + renames.get(ending, "")] = tensor
    return renamed


def _mismatch(wanted: Tensors, found: Tensors) -> str:
    """What is wrong between two state dicts, in words; empty where nothing is."""
    missing = [name for name in wanted if name not in found]
    unknown = [name for name in found if name not in wanted]
    reshaped = [name for name in wanted if name in found and wanted[name].shape != found[name].shape]
    told = (
        _told(missing, "missing"),
        _told(unknown, "unknown"),
        _told(reshaped, "of another shape"),
    )
    return ", ".join(part for part in told if part)


def _told(names: list[str], what: str) -> str:
    if not names:
        return ""
    return f"{len(names)} tensor{'s' if len(names) > 1 else ''} {what} (such as {names[0]})"
