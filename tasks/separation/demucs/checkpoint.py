"""Published Demucs files as networks, read without trusting them.

Two forms are published: safetensors, whose metadata describes the network as JSON, and Facebook's older pickles
(``.th``), a dictionary of class, arguments and tensors. Demucs' own readers import any class that a file names and
unpickle any content; here a file is one thing only, an HTDemucs, or it is refused.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from demucs.htdemucs import HTDemucs
from safetensors import safe_open

from catalog.common.errors import MachineError
from tasks.weights.tensors import differences, unpickled

KLASS = "demucs.htdemucs.HTDemucs"
SHOWN = 4


@dataclass(frozen=True, slots=True)
class _Package:
    """The content of a file: the network's arguments, and its tensors by name."""

    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    state: Mapping[str, torch.Tensor]


def load_network(path: Path, *, remedy: str) -> HTDemucs:
    """The network in a ``.safetensors`` or ``.th`` file: on the CPU, in float32, for audio of any length.

    Raises MachineError, with ``remedy``, for a file that cannot be read or is no complete HTDemucs.
    """
    try:
        package = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickled(path)
        network = _built(package)
        if mismatch := _mismatch(network.state_dict(), package.state):
            raise ValueError(mismatch)
        network.load_state_dict(package.state)
    except Exception as error:  # a damaged or hostile file can make its reader, or the network, raise anything
        reason = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
        raise MachineError(f"{path.name} cannot be read as a Demucs network: {reason}", remedy=remedy) from error
    # Trained on one length, the network would pad every other to it; its attention accepts any.
    network.use_train_segment = False
    network.float().eval()
    return network


def _read_safetensors(path: Path) -> _Package:
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        if metadata.get("klass") != KLASS or "structure" in metadata:
            raise ValueError(f"it holds {metadata.get('klass', 'no network')!r}, not a plain {KLASS}")
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    return _Package(_decoded(json.loads(metadata["args"])), _decoded(json.loads(metadata["kwargs"])), tensors)


def _read_pickled(path: Path) -> _Package:
    with torch.serialization.safe_globals([HTDemucs, Fraction]):
        content = unpickled(path)
    if not isinstance(content, Mapping) or content.get("klass") is not HTDemucs:
        raise ValueError(f"it holds no {KLASS}")
    return _Package(content["args"], content["kwargs"], content["state"])


def _decoded(value: Any) -> Any:
    """The original arguments: JSON has no fractions, so the published files write them out."""
    if isinstance(value, dict):
        if value.get("_type") == "fraction":
            return Fraction(value["numerator"], value["denominator"])
        return {key: _decoded(item) for key, item in value.items()}
    return [_decoded(item) for item in value] if isinstance(value, list) else value


def _built(package: _Package) -> HTDemucs:
    """The network, without the file's weights. Arguments that newer versions no longer accept are left out."""
    accepted_arguments = inspect.signature(HTDemucs).parameters
    kwargs = {name: value for name, value in package.kwargs.items() if name in accepted_arguments}
    with torch.random.fork_rng(devices=[]):  # creating a network draws from the process's random generators
        network: HTDemucs = HTDemucs(*package.args, **kwargs)
    return network


def _mismatch(expected: Mapping[str, torch.Tensor], tensors: Mapping[str, torch.Tensor]) -> str:
    """The differences between two sets of tensors, in words; empty where there is none."""
    unfit_names = [name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())]
    faults = {**differences(expected, tensors), **({"not finite": unfit_names} if unfit_names else {})}
    sentences = (f"{', '.join(names[:SHOWN])} {kind} ({len(names)})" for kind, names in faults.items())
    return "; ".join(sentences)
