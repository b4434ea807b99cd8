"""The registry of engines: one line each, imported only when needed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

from catalog.common.errors import InputError
from catalog.common.settings import Settings
from catalog.common.takes import IMPORTED
from tasks.engines.adapters.networks import AdaptedNetworks
from tasks.engines.base import Engine

ENGINES: Mapping[str, str] = MappingProxyType(
    {
        "guide": "tasks.engines.guide.engine:GuideEngine",
        "diffrhythm": "tasks.engines.diffrhythm.engine:DiffRhythmEngine",
        "acestep": "tasks.engines.acestep.engine:AceStepEngine",
    }
)
"""Engine name to ``module:class`` of its light half, which is created from the settings."""

_INTERNAL: Mapping[str, str] = MappingProxyType({IMPORTED: "tasks.engines.imported.engine:ImportedEngine"})
"""The engine of takes made elsewhere, which no manifest names."""

ADAPTED: Mapping[str, str] = MappingProxyType(
    {
        "diffrhythm": "tasks.engines.diffrhythm.registration:NETWORKS",
        "acestep": "tasks.engines.acestep.registration:NETWORKS",
    }
)
"""Of engines whose networks take LoRA adapters: ``module:name`` of their networks, which import torch."""


def get_engine(name: str, settings: Settings) -> Engine:
    """The light half of the engine ``name``. Raises InputError for a name that is not registered."""
    if not is_installed(name):
        raise InputError(f"There is no engine named {name}", remedy=f"Use one of: {', '.join(sorted(ENGINES))}")
    engine: Engine = _named(ENGINES.get(name) or _INTERNAL[name])(settings)
    return engine


def is_installed(name: str) -> bool:
    """Whether this installation has the engine of a recipe."""
    return name in ENGINES or name in _INTERNAL


def adapted_networks(name: str) -> AdaptedNetworks:
    """The networks of an engine that takes adapters."""
    networks: AdaptedNetworks = _named(ADAPTED[name])
    return networks


def _named(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)
