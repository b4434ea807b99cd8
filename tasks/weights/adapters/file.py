"""A LoRA adapter in memory and as files: ``adapter_model.safetensors``, and ``adapter_config.json`` for PEFT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

from catalog.common.digests import Json
from tasks.weights.adapters.config import pattern_value

Rope = Literal["float16", "exact"]


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA adapter: for each adapted layer W [out, in] a pair A [r, in], B [out, r], both float32.

    ``pairs`` are keyed by the layer's name in the network's state dict without ``.weight``, such as
    ``transformer_blocks.0.self_attn.q_proj``. ``rank_pattern`` and ``alpha_pattern`` name layers whose rank or alpha
    differs from ``rank`` and ``alpha``: by their whole name or by the end of it after a dot. ``base`` is the digest of
    the network's files it was trained on and ``rope`` the rounding of its position tables; both None where unknown.
    ``record`` holds what its maker stated besides, as plain JSON.
    """

    rank: int
    alpha: float
    pairs: Mapping[str, tuple[Tensor, Tensor]]
    rank_pattern: Mapping[str, int] = field(default_factory=dict)
    alpha_pattern: Mapping[str, float] = field(default_factory=dict)
    use_rslora: bool = False
    base: str | None = None
    rope: Rope | None = None
    record: Mapping[str, Json] = field(default_factory=dict)

    def rank_of(self, layer: str) -> int:
        """The rank of one of its layers."""
        return len(self.pairs[layer][0])

    def alpha_of(self, layer: str) -> float:
        """The alpha of one of its layers."""
        return float(pattern_value(self.alpha_pattern, layer, self.alpha))
