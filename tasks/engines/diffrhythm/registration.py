"""The networks of DiffRhythm that adapters may be made for."""

from __future__ import annotations

import torch

from catalog.models.spec import ModelSpec
from catalog.models.store import ModelStore
from tasks.engines.adapters.networks import AdaptedNetworks
from tasks.engines.diffrhythm.inputs import BUILT_IN
from tasks.engines.diffrhythm.network.checkpoint import linear_layers, load_network
from tasks.engines.diffrhythm.network.config import NetworkConfig
from tasks.engines.diffrhythm.network.network import DiT
from tasks.engines.diffrhythm.settings import FULL_MODEL
from tasks.weights.adapters.merge import Shape


def _layers_of(store: ModelStore, base: ModelSpec) -> dict[str, Shape]:
    """The layers of a network: of its file where it is installed, else of the published sizes."""
    installed = store.installed(base.name)
    if installed is not None:
        return linear_layers(load_network(installed.weights))
    kind = base.like or base.name
    with torch.device("meta"):
        network = DiT(NetworkConfig.FULL_1B if kind == FULL_MODEL else NetworkConfig.BASE_1B)
    return linear_layers(network)


NETWORKS = AdaptedNetworks("DiffRhythm", BUILT_IN, _layers_of)
