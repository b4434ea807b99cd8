"""The tiny network of the reference data exported by the real command, once in a session of tests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import songline


@dataclass(frozen=True, slots=True)
class Exported:
    """An exported folder, what the command said with ``--json``, and the settings that name its model store."""

    folder: Path
    document: dict[str, Any]
    variables: dict[str, str]

    @property
    def network(self) -> Path:
        return self.folder / "dit.onnx"

    @property
    def decoder(self) -> Path:
        return self.folder / "vae_decoder.onnx"

    @property
    def vae(self) -> Path:
        """The autoencoder that the decoder was made from."""
        (path,) = Path(self.variables["SONGLINE_MODELS"], "diffrhythm-vae").glob("*/vae_model.pt")
        return path


def parity_settings(folder: Path) -> dict[str, str]:
    """Install the reference data's base network, a tiny decoder and the language data; returns the settings."""
    import torch

    from catalog.models.store import ModelStore
    from tests.support.diffrhythm.networks import tiny_tensors
    from tests.support.models import install
    from tests.support.tiny_models import tiny_settings

    variables = tiny_settings(folder, "diffrhythm-vae", "diffrhythm-data")
    weights = folder / "cfm_model.pt"
    torch.save({"model_state_dict": tiny_tensors(full=False)}, weights)
    store = ModelStore(Path(variables["SONGLINE_MODELS"]), Path(variables["SONGLINE_MODELS_TABLE"]))
    install(store, "diffrhythm-1.2-base", {"cfm_model.pt": weights})
    return variables


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The base network with exact positions in float32, as the reference tensors have it, and the tiny decoder."""
    for package in ("torch", "safetensors", "onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason="the export needs the extras diffrhythm and onnx")
    place = tmp_path_factory.mktemp("exported")
    variables = parity_settings(place)
    arguments = ("diffrhythm-1.2-base", "--to", "onnx", "--out", place / "base-onnx", "--rope", "exact", "--json")
    done = songline("models", "export", *arguments, home=place / "home", **variables)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "with --json, nothing is said beside the document"
    return Exported(place / "base-onnx", json.loads(done.stdout), variables)
