"""The identity of an adapter: what it does to a network, whatever files it came in."""

from __future__ import annotations

import hashlib

from torch import Tensor

from catalog.common.digests import canonical_json, digest_value
from tasks.weights.adapters.file import Adapter

SCHEME = "adapter/v1"


def adapter_digest(adapter: Adapter) -> str:
    """Hex SHA-256 over rank, alpha, the layers in which they differ, targets, and every tensor.

    ``adapter_config.json`` is no part of it: PEFT writes the targets from a set, in an order that changes from process
    to process, and adds its version. Nor are the base, the rounding of its tables and the maker's record.
    """
    layers = sorted(adapter.pairs)
    ranks = {layer: adapter.rank_of(layer) for layer in layers}
    alphas = {layer: adapter.alpha_of(layer) for layer in layers}
    document = {
        "r": adapter.rank,
        "alpha": adapter.alpha,
        "rank_pattern": {layer: rank for layer, rank in ranks.items() if rank != adapter.rank},
        "alpha_pattern": {layer: alpha for layer, alpha in alphas.items() if alpha != adapter.alpha},
        "rslora": adapter.use_rslora,
        "targets": layers,
        "tensors": _tensors_digest(adapter),
    }
    return digest_value(SCHEME, document)


def _tensors_digest(adapter: Adapter) -> str:
    hasher = hashlib.sha256()
    for layer in sorted(adapter.pairs):
        for part, tensor in zip("AB", adapter.pairs[layer], strict=True):
            stated = [f"{layer}.lora_{part}.weight", str(tensor.dtype).removeprefix("torch."), list(tensor.shape)]
            hasher.update(canonical_json(stated) + b"\n" + _bytes(tensor))
    return hasher.hexdigest()


def _bytes(tensor: Tensor) -> bytes:
    """The values in C order, little-endian."""
    values = tensor.detach().cpu().contiguous().numpy()
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
