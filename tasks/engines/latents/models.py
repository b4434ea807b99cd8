"""The models and adapters that recipes state, as they are installed on this machine."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from catalog.common.digests import Json
from catalog.common.errors import MachineError, ModelMissing, WorkError
from catalog.models.adapters import adapter_by_digest
from catalog.models.store import InstalledModel, ModelStore
from tasks.weights.adapters.digest import adapter_digest
from tasks.weights.adapters.file import Adapter
from tasks.weights.adapters.reading import read_adapter


class StatedModels:
    """Finds what the inputs of a recipe name: ``files`` by part, ``adapters`` by digest with their weights."""

    def __init__(self, store: ModelStore) -> None:
        self.store = store

    def installed(self, inputs: Mapping[str, Json], part: str) -> InstalledModel:
        """The model of a part. Raises ModelMissing, and WorkError where other files are installed."""
        stated = inputs["files"][part]
        model = self.store.need(stated["name"])
        if model.digest != stated["digest"]:
            raise not_alike(stated["name"])
        return model

    def adapters(self, inputs: Mapping[str, Json]) -> list[tuple[Adapter, float]]:
        """The adapters with their weights, none where the recipe has none. Raises ModelMissing, WorkError."""
        return [(self._adapter(digest), weight) for digest, weight in inputs.get("adapters", [])]

    def _adapter(self, digest: str) -> Adapter:
        model = adapter_by_digest(self.store, digest)
        if model is None:
            raise ModelMissing(
                f"the adapter {digest[:12]} that the recipe names is not installed here",
                remedy="Run `songline models import` with the models of the machine that planned it, or add it again",
            )
        adapter = read_adapter(model.folder)
        if adapter_digest(adapter) != digest:
            raise not_alike(model.spec.name)
        return adapter


def not_alike(name: str) -> WorkError:
    """The error of a model whose files are other ones than those of the recipe."""
    return WorkError(
        f"the files of {name} here are not those that the recipe names",
        remedy="Plan the album again, or bring this machine's models up to date",
    )


def check_device(device: torch.device) -> None:
    """Raise MachineError where the device is a GPU that torch cannot use."""
    if device.type == "cuda" and not torch.cuda.is_available():
        raise MachineError(
            f"torch {torch.__version__} cannot use the GPU of this machine",
            remedy="Install a torch that fits its driver, or set SONGLINE_DEVICE=cpu",
        )
