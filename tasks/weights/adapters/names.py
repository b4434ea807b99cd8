"""The names of tensors in adapter files of PEFT, diffusers and kohya's trainer, as layers of the network."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from catalog.common.errors import InputError

Part = Literal["A", "B", "alpha"]
Form = Literal["peft", "diffusers", "kohya"]

PEFT_PREFIX = "base_model.model."
_WRAPPERS = (PEFT_PREFIX, "module.", "diffusion_model.", "transformer.")
"""What trainers put before a layer's name: their own wrappers, and the network's place in the published model."""

_KOHYA = re.compile(r"lora_(?:unet|transformer)_(.+)\.(lora_down\.weight|lora_up\.weight|alpha)")
_KOHYA_LAYERS = (
    (re.compile(r"transformer_blocks_(\d+)_(self_attn|mlp)_([a-z]+_proj)"), r"transformer_blocks.\1.\2.\3"),
    (re.compile(r"(?:decoder_)?layers_(\d+)_(self_attn|cross_attn|mlp)_([a-z]+_proj)"), r"layers.\1.\2.\3"),
)
"""The layers of DiffRhythm and of ACE-Step with underscores for dots, and with dots again."""
_DOTTED = re.compile(
    r"(.+)\.(?:lora_(A|B)(?:\.\w+)?\.weight|lora(?:\.|_)(down|up)(?:\.\w+)?\.weight|(alpha))",
)
_PARTS: dict[str, Part] = {"A": "A", "B": "B", "down": "A", "up": "B", "alpha": "alpha"}

_OTHER_KINDS = (
    ("lora_magnitude_vector", "DoRA (`use_dora`)"),
    ("dora_scale", "DoRA (`use_dora`)"),
    ("hada_", "LoHa"),
    ("lokr_", "LoKr"),
    ("oft_", "OFT"),
    ("vera_", "VeRA"),
    ("lora_embedding_", "adapted embeddings"),
    ("lora_mid", "adapted convolutions"),
    ("lora_te", "an adapter of a text encoder"),
    ("lora_B.bias", "adapted biases (`lora_bias`)"),
    ("lora_up.bias", "adapted biases (`lora_bias`)"),
    (".diff", "whole differences of weights"),
    ("modules_to_save", "whole layers (`modules_to_save`)"),
)
"""Parts of names that tell what else a file holds than LoRA of linear layers."""

MAX_NAME = 256
"""Characters of a tensor's name; those of real adapters have about 80."""

REMEDY = "Train it anew as plain LoRA of linear layers, or have its trainer export it so"


@dataclass(frozen=True, slots=True)
class TensorName:
    """What one tensor is: A [r, in], B [out, r] or the alpha of a layer; and the form of its file."""

    layer: str
    part: Part
    form: Form


def tensor_name(key: str, *, file: str) -> TensorName:
    """The meaning of the tensor ``key`` of ``file``. Raises InputError naming a key that is no part of plain LoRA."""
    for mark, kind in _OTHER_KINDS:
        if mark in key:
            raise InputError(f"{file} holds {kind}, which is not supported: {key[:120]}", remedy=REMEDY)
    if key.startswith("lora_") and len(key) <= MAX_NAME:
        return _of_kohya(key, file)
    match = _DOTTED.fullmatch(key) if len(key) <= MAX_NAME else None
    if match is None:
        raise InputError(f"{file} holds {key[:120]!r}, which is no tensor of a LoRA adapter", remedy=REMEDY)
    part = _PARTS[match[2] or match[3] or match[4]]
    return TensorName(bare(match[1]), part, "peft" if key.startswith(PEFT_PREFIX) else "diffusers")


def bare(layer: str) -> str:
    """A layer's name in the network's own state dict, without the prefixes of wrappers."""
    start = 0
    while prefix := next((prefix for prefix in _WRAPPERS if layer.startswith(prefix, start)), ""):
        start += len(prefix)
    return layer[start:]


def _of_kohya(key: str, file: str) -> TensorName:
    """Kohya's trainer writes a layer's name with underscores for dots."""
    match = _KOHYA.fullmatch(key)
    layer = _kohya_layer(match[1]) if match else None
    if match is None or layer is None:
        raise InputError(f"{file} holds {key[:120]!r}, which names no layer of a network known here", remedy=REMEDY)
    part = "alpha" if match[2] == "alpha" else _PARTS[match[2].removeprefix("lora_").removesuffix(".weight")]
    return TensorName(layer, part, "kohya")


def _kohya_layer(name: str) -> str | None:
    for pattern, dotted in _KOHYA_LAYERS:
        if match := pattern.fullmatch(name):
            return match.expand(dotted)
    return None
