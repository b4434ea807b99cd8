"""A separation model as installed: one network, or several that are each best at some stems (Demucs' "bag")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from demucs.htdemucs import HTDemucs

from catalog.common.digests import digest_file
from catalog.common.errors import MachineError
from catalog.common.small_yaml import read_small_yaml
from catalog.models.store import InstalledModel
from tasks.separation.demucs.checkpoint import load_network
from tasks.separation.demucs.models import RATE_HZ, STEM_MODELS

CHANNELS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Ensemble:
    """The loaded networks of a model on a device.

    ``shares`` has a row per network and a column per stem, each column of sum 1: a stem is the weighted mean of the
    networks' estimates (as in demucs.apply.BagOfModels).
    """

    name: str
    stems: tuple[str, ...]
    networks: tuple[HTDemucs, ...]
    shares: torch.Tensor
    segment_s: float
    device: torch.device

    @property
    def width(self) -> int:
        """Channels of the widest network's first layer, which determines its memory."""
        return max(int(network.channels) for network in self.networks)


def load_ensemble(installed: InstalledModel, device: str) -> Ensemble:
    """The model, which stays loaded beside the previous one.

    Raises MachineError where its files have changed.
    """
    return _loaded(
        installed.spec.like or installed.spec.name, installed.folder, tuple(installed.digests.items()), device
    )


# Two, for an album whose stems come from one model and whose lyrics are scored on the voice of another.
@lru_cache(maxsize=2)
def _loaded(name: str, folder: Path, digests: tuple[tuple[str, str], ...], device: str) -> Ensemble:
    if device == "cuda" and not torch.cuda.is_available():
        raise MachineError("torch finds no GPU here", remedy="Set SONGLINE_DEVICE=cpu, or install torch for CUDA")
    remedy = f"Run `songline models verify {name}`, and pull it again where a file is wrong"
    files = _checked(folder, dict(digests), remedy)
    description = _described(folder / f"{name}.yaml", remedy)
    networks = [load_network(_file_of(signature, files, remedy), remedy=remedy) for signature in description["models"]]
    for network in networks:
        _check(network, name, remedy)
    weights = description.get("weights") or [[1.0] * len(STEM_MODELS[name])] * len(networks)
    return Ensemble(
        name,
        STEM_MODELS[name],
        tuple(network.to(device) for network in networks),
        _shares(weights, (len(networks), len(STEM_MODELS[name])), remedy).to(device),
        min(float(network.segment) for network in networks),
        torch.device(device),
    )


def _checked(folder: Path, digests: dict[str, str], remedy: str) -> list[Path]:
    """The model's files, every byte checked: a flipped bit in a weight would be audible, but not visible."""
    for path, sha256 in digests.items():
        if digest_file(folder / path) != sha256:
            raise MachineError(f"{path} is damaged: it is not the file that was installed", remedy=remedy)
    return [folder / path for path in digests]


def _described(path: Path, remedy: str) -> dict[str, Any]:
    """The model's own description: ``models``, a list of signatures, and for a bag their ``weights``."""
    try:
        description = read_small_yaml(path)
    except (OSError, ValueError) as error:
        raise MachineError(f"{path.name} cannot be read: {error}", remedy=remedy) from error
    models = description.get("models") if isinstance(description, dict) else None
    if not isinstance(models, list) or not models or not all(isinstance(signature, str) for signature in models):
        raise MachineError(f"{path.name} describes no Demucs model", remedy=remedy)
    return dict(description)


def _file_of(signature: str, files: Sequence[Path], remedy: str) -> Path:
    """``<signature>.safetensors``, or ``<signature>-<first of its SHA-256>.th``, whose name is checked as well."""
    for path in files:
        if path.name == f"{signature}.safetensors":
            return path
        if path.suffix == ".th" and path.name.startswith(f"{signature}-"):
            if not digest_file(path).startswith(path.stem.rpartition("-")[2]):
                raise MachineError(f"{path.name} has not the digest that its name says", remedy=remedy)
            return path
    raise MachineError(f"the network {signature[:40]!r} of the model is not among its files", remedy=remedy)


def _check(network: HTDemucs, name: str, remedy: str) -> None:
    traits = (tuple(network.sources), network.samplerate, network.audio_channels)
    if traits != (STEM_MODELS[name], RATE_HZ, CHANNELS):
        problem = (
            f"a network of {name} separates {', '.join(map(str, traits[0]))} at {traits[1]} Hz, {traits[2]} channels"
        )
        raise MachineError(problem, remedy=remedy)


def _shares(weights: Any, shape: tuple[int, int], remedy: str) -> torch.Tensor:
    try:
        rows = torch.tensor(weights, dtype=torch.float32)
    except (TypeError, ValueError) as error:
        raise MachineError(f"the networks' weights are no numbers: {error}", remedy=remedy) from error
    totals = rows.sum(dim=0)
    if tuple(rows.shape) != shape or not bool((totals > 0).all() and torch.isfinite(rows).all()):
        raise MachineError("the networks' weights do not fit them", remedy=remedy)
    return rows / totals
