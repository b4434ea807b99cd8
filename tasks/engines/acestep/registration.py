"""The networks of ACE-Step that adapters may be made for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from catalog.common.packages import require_installed
from catalog.models.spec import ModelSpec
from catalog.models.store import ModelStore
from tasks.engines.acestep.names import NETWORKS as NAMES
from tasks.engines.acestep.names import diffusers_name
from tasks.engines.adapters.networks import AdaptedNetworks

if TYPE_CHECKING:
    from tasks.weights.adapters.merge import Shape

LARGE: dict[str, Any] = {
    "hidden_size": 2560,
    "intermediate_size": 9728,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "encoder_hidden_size": 2048,
}
"""The published sizes of the xl networks; those of the others are the defaults of diffusers."""


def _layers_of(store: ModelStore, base: ModelSpec) -> dict[str, Shape]:
    """The layers of a network: of its file where it is installed, else of the published sizes."""
    require_installed(("diffusers", "torch"), component="an adapter of ACE-Step", extras=("acestep",))
    from tasks.engines.acestep.network.layout import linear_layers, transformer_config, transformer_shell

    installed = store.installed(base.name)
    if installed is not None:
        return linear_layers(transformer_shell(transformer_config(installed), model=installed.spec.name))
    return linear_layers(transformer_shell(LARGE if "-xl-" in (base.like or base.name) else {}, model=base.name))


NETWORKS = AdaptedNetworks("ACE-Step", NAMES, _layers_of, diffusers_name)
