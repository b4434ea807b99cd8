"""What registering an adapter needs to know of an engine's networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog.models.spec import ModelSpec
from catalog.models.store import ModelStore

if TYPE_CHECKING:  # torch is not needed to name networks
    from tasks.weights.adapters.merge import Shape


@dataclass(frozen=True, slots=True)
class AdaptedNetworks:
    """The networks of one engine that adapters may be made for.

    ``engine`` is its name as users read it, ``names`` those of the registry. ``layers`` gives the linear layers of such
    a network by name; ``layer_name`` a layer's name there from the name that a trainer may have given it.
    """

    engine: str
    names: tuple[str, ...]
    layers: Callable[[ModelStore, ModelSpec], Mapping[str, Shape]]
    layer_name: Callable[[str], str] = str


def is_of(spec: ModelSpec, networks: AdaptedNetworks) -> bool:
    """Whether a model is one of these networks, or a user's own like one of them."""
    return spec.adapter is None and (spec.like or spec.name) in networks.names
