"""Weights from untrusted files: unpickled as tensors only, compared with the model, and loaded strictly."""

from __future__ import annotations

import json
import random
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from catalog.common.errors import MachineError

DERIVED = ("embeddings.position_ids", "embeddings.token_type_ids")
"""Counters that some versions of transformers write into checkpoints; every model makes its own."""

RESHAPED = "of another shape"

Tensors = Mapping[str, torch.Tensor]


def redownload_remedy(model: str) -> str:
    """The remedy for a damaged file of a registered model: download it again."""
    return f"Run `songline models verify {model}`, and pull it again where a file is wrong"


def read_tensors(file: Path, *, remedy: str) -> Tensors:
    """The named tensors of a ``.safetensors`` or a pickled file. Raises MachineError where it holds anything else."""
    if file.suffix != ".safetensors":
        state = read_pickle(file, remedy=remedy)
        if not isinstance(state, Mapping) or not all(isinstance(tensor, torch.Tensor) for tensor in state.values()):
            raise damaged(file, remedy=remedy)
        return state
    try:
        return load_file(file)
    except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as fault:
        raise damaged(file, remedy=remedy) from fault


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises OSError, or ValueError where it is none or is nested too deeply to be read."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError(f"{file.name} is nested too deeply") from error
    if not isinstance(document, dict):
        raise ValueError(f"{file.name} is not a JSON object")
    return document


def read_pickle(file: Path, *, remedy: str) -> object:
    """The object that torch saved in a file; only tensors and plain values are ever unpickled. Raises MachineError."""
    try:
        return unpickled(file)
    except Exception as fault:  # a hostile pickle provokes errors of any kind
        raise damaged(file, remedy=remedy) from fault


def unpickled(file: Path) -> object:
    """The object that torch saved in a file, by the reader that makes only tensors and plain values and refuses all
    else.

    Raises any exception that a damaged or hostile file provokes.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old files and TorchScript cause warnings
        # A mapped file is not held in memory beside the model.
        return torch.load(file, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file))


def load_into(module: torch.nn.Module, tensors: Tensors, *, component: str, model: str, remedy: str) -> None:
    """Load the weights of ``model`` into ``module``: every tensor, and no other.

    Raises MachineError naming the file (``component``) and the tensors that are wrong.
    """
    wanted_tensors = _not_derived(module.state_dict())
    given_tensors = _not_derived(tensors)
    if faults := differences(wanted_tensors, given_tensors):
        problem = ", ".join(_listed(names, kind) for kind, names in faults.items())
        raise MachineError(f"{component} is not of {model}: {problem}", remedy=remedy)
    derived_tensors = {name: tensor for name, tensor in module.state_dict().items() if name.endswith(DERIVED)}
    module.load_state_dict({**derived_tensors, **given_tensors}, strict=True)


def damaged(file: Path, *, remedy: str) -> MachineError:
    """The error for a file that should hold weights and does not."""
    return MachineError(
        f"{file.parent.name}/{file.name} cannot be read as weights: it is damaged, cut short or something else",
        remedy=remedy,
    )


@contextmanager
def preserved_rng_state() -> Iterator[None]:
    """Restore the global random generators afterwards: models draw from them when built, some even in use."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _not_derived(tensors: Tensors) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in tensors.items() if not name.endswith(DERIVED)}


def differences(expected: Tensors, tensors: Tensors) -> dict[str, list[str]]:
    """The names of the ``tensors`` that differ from ``expected``, by kind of difference; empty if none does."""
    faults = {
        "missing": [name for name in expected if name not in tensors],
        "unknown": [name for name in tensors if name not in expected],
        RESHAPED: [
            tensor_name
            for tensor_name, tensor in expected.items()
            if tensor_name in tensors and tensor.shape != tensors[tensor_name].shape
        ],
    }
    return {kind: names for kind, names in faults.items() if names}


def _listed(names: list[str], what: str) -> str:
    return f"{len(names)} tensor{'s' if len(names) > 1 else ''} {what} (such as {names[0]})"
