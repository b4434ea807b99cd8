"""Merge adapters into a network's weights: the sums are taken in float64 and rounded to float32 once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from tasks.weights.adapters.file import Adapter

WeightedAdapters = Sequence[tuple[Adapter, float]]
"""Adapters with the weight of each, in any order of merging."""

Shape = tuple[int, int]

ROWS_AT_ONCE = 128
"""Rows of a layer in float64 at once: they stay in the processor's cache."""


def merged(weights: Mapping[str, Tensor], adapters: WeightedAdapters) -> dict[str, Tensor]:
    """The changed tensors of a state dict, in float32: W' = W + Σ weight · alpha / r · B A (rsLoRA: alpha / √r).

    ``weights`` stay as they are, and a layer that no adapter of another weight than 0 names is not in the result. The
    adapters must fit: see :func:`misfits`.
    """
    active = [(adapter, weight) for adapter, weight in adapters if weight != 0]
    layers = dict.fromkeys(layer for adapter, _ in active for layer in adapter.pairs)
    return {f"{layer}.weight": _merged_layer(weights[f"{layer}.weight"], layer, active) for layer in layers}


def scaling(adapter: Adapter, layer: str) -> float:
    """The factor of a layer's product B A: alpha / r, or alpha / √r with rsLoRA."""
    rank = adapter.rank_of(layer)
    return adapter.alpha_of(layer) / (math.sqrt(rank) if adapter.use_rslora else rank)


def misfits(adapter: Adapter, layers: Mapping[str, Shape]) -> Iterator[str]:
    """Each layer that an adapter cannot change, as a phrase; ``layers`` are the network's linear ones, [out, in]."""
    for layer, (a, b) in sorted(adapter.pairs.items()):
        wanted = layers.get(layer)
        if wanted is None:
            yield f"{layer} is no linear layer of the network"
        elif (len(b), a.shape[1]) != wanted:
            yield f"{layer} is of {a.shape[1]} to {len(b)} channels, and the network's of {wanted[1]} to {wanted[0]}"


def _merged_layer(weight: Tensor, layer: str, adapters: WeightedAdapters) -> Tensor:
    pairs = [
        (adapter.pairs[layer][0].to(torch.float64) * (share * scaling(adapter, layer)), adapter.pairs[layer][1])
        for adapter, share in adapters
        if layer in adapter.pairs
    ]
    changed = torch.empty(weight.shape, dtype=torch.float32)
    for first in range(0, len(weight), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        total = weight[rows].to(torch.float64)
        for a, b in pairs:
            total.addmm_(b[rows].to(torch.float64), a)
        changed[rows] = total
    return changed
