"""Tiny Demucs models with random weights, in the files that the registry installs. Downloads nothing."""

from __future__ import annotations

import hashlib
import io
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from catalog.common.settings import Settings
from catalog.models.store import InstalledModel, ModelStore
from tasks.separation.demucs.models import STEM_MODELS
from tests.support.models import install, relaxed_table

SIGNATURES = {
    "htdemucs": ("955717e8",),
    "htdemucs_ft": ("f7e0c4bc", "d12395a8", "92cfc3b6", "04573f0d"),
    "htdemucs_6s": ("5c90dfd2",),
}
SEGMENT = Fraction(39, 40)
"""Seconds; an eighth of the real one."""

SIZES: dict[str, Any] = {
    "channels": 8,
    "growth": 2,
    "nfft": 4096,
    "t_layers": 1,
    "t_heads": 2,
    "bottom_channels": 16,
    "segment": SEGMENT,
}


def tiny_network(stems: tuple[str, ...], seed: int) -> Any:
    """A small HTDemucs of the real structure; equal seeds give equal weights."""
    import torch
    from demucs.htdemucs import HTDemucs

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return HTDemucs(list(stems), **SIZES)


def write_tiny_demucs(folder: Path, name: str, seed: int = 0) -> dict[str, Path]:
    """The files of the model ``name`` as on the hub (half tensors), by their path in the model."""
    folder.mkdir(parents=True, exist_ok=True)
    signatures, stems = SIGNATURES[name], STEM_MODELS[name]
    described: dict[str, Any] = {"models": list(signatures)}
    if len(signatures) > 1:
        described["weights"] = [[float(stem == network) for stem in range(4)] for network in range(4)]
    paths = {f"{name}.yaml": folder / f"{name}.yaml"}
    paths[f"{name}.yaml"].write_text(yaml.safe_dump(described))
    for number, signature in enumerate(signatures):
        path = paths[f"{signature}.safetensors"] = folder / f"{signature}.safetensors"
        write_safetensors(path, tiny_network(stems, seed + number))
    return paths


def write_safetensors(path: Path, network: Any, **said: str) -> None:
    """One network in the hub's form; ``said`` overrides its metadata."""
    from safetensors.torch import save_file

    args, kwargs = network._init_args_kwargs
    told = {
        "klass": "demucs.htdemucs.HTDemucs",
        "args": json.dumps(args),
        "kwargs": json.dumps(kwargs, default=_fraction),
    }
    save_file(_halves(network), path, metadata=told | said)


def pickled(network: Any, klass: Any = None) -> bytes:
    """One network in Facebook's older form."""
    import torch

    args, kwargs = network._init_args_kwargs
    package = {"klass": klass or type(network), "args": args, "kwargs": kwargs, "state": _halves(network)}
    buffer = io.BytesIO()
    torch.save(package | {"training_args": {"seed": 1}}, buffer)
    return buffer.getvalue()


def write_th(folder: Path, signature: str, content: bytes) -> Path:
    """``<signature>-<first 8 of its SHA-256>.th``."""
    path = folder / f"{signature}-{hashlib.sha256(content).hexdigest()[:8]}.th"
    path.write_bytes(content)
    return path


def tiny_demucs(folder: Path, *names: str, seed: int = 0) -> Settings:
    """Settings of a home under ``folder`` with a registry of tiny models of these names."""
    settings = Settings(
        home=folder / "home",
        models=folder / "models",
        models_table=relaxed_table(folder / "models.toml"),
        device="cpu",
        workers=1,
    )
    for name in names:
        install(store_of(settings), name, dict(write_tiny_demucs(folder / "written" / name, name, seed)))
    return settings


def store_of(settings: Settings) -> ModelStore:
    return ModelStore(settings.models_path, table=settings.models_table)


def need(settings: Settings, name: str) -> InstalledModel:
    return store_of(settings).need(name)


def _halves(network: Any) -> dict[str, Any]:
    return {name: tensor.half().clone().contiguous() for name, tensor in network.state_dict().items()}


def _fraction(value: object) -> dict[str, object]:
    if not isinstance(value, Fraction):
        raise TypeError(type(value).__name__)
    return {"_type": "fraction", "numerator": value.numerator, "denominator": value.denominator}
