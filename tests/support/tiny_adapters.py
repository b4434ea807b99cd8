"""LoRA adapters of random values for the tiny networks, in memory and in the files of several trainers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from tasks.engines.diffrhythm.network.checkpoint import linear_layers, load_network
from tasks.weights.adapters.file import Adapter

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
Q = "transformer_blocks.0.self_attn.q_proj"
Shapes = Mapping[str, tuple[int, int]]


def tiny_layers(weights: Path) -> dict[str, tuple[int, int]]:
    """The layers of a tiny network's file that adapters change, [out, in]."""
    layers = linear_layers(load_network(weights))
    return {name: shape for name, shape in layers.items() if name.rpartition(".")[2] in TARGETS}


def tiny_adapter(layers: Shapes, *, rank: int = 4, seed: int = 0, strength: float = 0.3, **more: Any) -> Adapter:
    """An adapter of these layers whose product changes each by about ``strength`` of its level."""
    generator = torch.Generator().manual_seed(seed)

    def values(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    pairs = {
        layer: (values(rank, into) / into**0.5, strength * values(out, rank) / rank**0.5)
        for layer, (out, into) in sorted(layers.items())
    }
    return Adapter(**{"rank": rank, "alpha": float(rank), "pairs": pairs, **more})


def write_peft(folder: Path, adapter: Adapter, **changes: Any) -> Path:
    """The two files as PEFT writes them, with fields of the configuration changed."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(peft_tensors(adapter), folder / "adapter_model.safetensors")
    document = {
        "peft_type": "LORA",
        "peft_version": "0.21.2",
        "r": adapter.rank,
        "lora_alpha": adapter.alpha,
        "target_modules": sorted({layer.rpartition(".")[2] for layer in adapter.pairs}),
        "rank_pattern": dict(adapter.rank_pattern),
        "alpha_pattern": dict(adapter.alpha_pattern),
        "use_rslora": adapter.use_rslora,
        "bias": "none",
        "init_lora_weights": True,
        "qalora_group_size": 16,
        "loftq_config": {},
    }
    (folder / "adapter_config.json").write_text(json.dumps(document | changes))
    return folder


def peft_tensors(adapter: Adapter) -> dict[str, Tensor]:
    """The tensors under PEFT's names."""
    return {
        f"base_model.model.{layer}.lora_{part}.weight": tensor.contiguous()
        for layer, pair in adapter.pairs.items()
        for part, tensor in zip("AB", pair, strict=True)
    }


def kohya_tensors(adapter: Adapter) -> dict[str, Tensor]:
    """The tensors under the names of kohya's trainer, each layer with its alpha."""
    tensors: dict[str, Tensor] = {}
    for layer, (a, b) in adapter.pairs.items():
        name = f"lora_unet_{layer.replace('.', '_')}"
        alpha = torch.tensor(adapter.alpha_of(layer))
        tensors |= {f"{name}.lora_down.weight": a, f"{name}.lora_up.weight": b, f"{name}.alpha": alpha}
    return tensors


def diffusers_tensors(adapter: Adapter) -> dict[str, Tensor]:
    """The tensors under the names of diffusers, which keeps no alpha beside them."""
    return {
        f"transformer.{layer}.lora_{part}.weight": tensor.contiguous()
        for layer, pair in adapter.pairs.items()
        for part, tensor in zip("AB", pair, strict=True)
    }
