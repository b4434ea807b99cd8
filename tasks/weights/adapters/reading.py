"""Read adapter files of unknown origin: bounded, never unpickled, and refused by name where they are not plain LoRA."""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from catalog.common.digests import Json
from catalog.common.errors import InputError
from catalog.common.text import counted, first_of
from db.files.regular_file import read_regular
from tasks.weights.adapters.config import MAX_ALPHA, MAX_RANK, AdapterConfig, config_from, pattern_value
from tasks.weights.adapters.detect import CONFIG_FILE, MAX_HEADER_BYTES, WEIGHTS_FILE
from tasks.weights.adapters.file import Adapter
from tasks.weights.adapters.names import REMEDY, Form, tensor_name
from tasks.weights.adapters.statement import METADATA_KEY, Statement, statement_from

MAX_BYTES = 2 << 30
"""Of the tensors; rank 256 of every layer of the published network takes 0.8 GB."""

MAX_TENSORS = 4096
"""Of a file; an adapter of every linear layer of the published network has under 1000."""

MAX_CONFIG_BYTES = 1 << 20
DIFFUSERS_KEY = "lora_adapter_metadata"
"""Where diffusers states rank and alpha in the tensors' file."""

_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)

Parts = dict[str, dict[str, Tensor]]


def read_adapter(path: Path) -> Adapter:
    """The adapter in a folder of PEFT's two files, or in one ``.safetensors`` file of PEFT, diffusers or kohya.

    Raises InputError that says what is wrong, by the name of the file, field, layer or tensor.
    """
    weights = path / WEIGHTS_FILE if path.is_dir() else path
    if path.is_dir() and not weights.exists():
        raise InputError(f"{path} holds no {WEIGHTS_FILE}", remedy=_remedy_without_weights(path))
    if weights.suffix != ".safetensors":
        raise InputError(f"{weights.name} is no .safetensors file", remedy="Save the adapter as .safetensors")
    config_file = weights.with_name(CONFIG_FILE)
    has_config = weights.name == WEIGHTS_FILE and config_file.exists()
    config = json_object(_read(config_file, MAX_CONFIG_BYTES), CONFIG_FILE) if has_config else None
    return adapter_of(_read(weights, MAX_BYTES), config=config, file=weights.name)


def adapter_of(data: bytes, *, config: Mapping[str, Json] | None = None, file: str = WEIGHTS_FILE) -> Adapter:
    """The adapter in the bytes of a ``.safetensors`` file, with PEFT's document where there is one."""
    metadata = _metadata(data, file)
    parts, form = _parts(_tensors(data, file), file)
    pairs = {layer: _pair(layer, tensors, file) for layer, tensors in sorted(parts.items())}
    statement = statement_from(metadata[METADATA_KEY], file=file) if METADATA_KEY in metadata else Statement()
    stated = _config(config, statement, metadata, form, file)
    settled = stated or _of_ranks(pairs)
    settled = _with_alphas_of(parts, settled, file)
    _check_ranks(pairs, settled, file)
    return Adapter(
        rank=settled.rank,
        alpha=settled.alpha,
        pairs=pairs,
        rank_pattern=settled.rank_pattern,
        alpha_pattern=settled.alpha_pattern,
        use_rslora=settled.use_rslora,
        base=statement.base,
        rope=statement.rope,
        record=statement.record,
    )


def json_object(data: bytes | str, file: str) -> dict[str, Any]:
    """A JSON object. Raises InputError naming the file where it is none."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is not valid JSON", remedy="Get the adapter's files again") from error
    if not isinstance(document, dict):
        raise InputError(f"{file} is no JSON object", remedy="Get the adapter's files again")
    return document


def _read(path: Path, most: int) -> bytes:
    try:
        return read_regular(path, max_bytes=most)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"{path} cannot be read: {reason}", remedy="Check the path and its permissions") from error


def _metadata(data: bytes, file: str) -> dict[str, str]:
    """The texts in the file's header."""
    size = struct.unpack("<Q", data[:8])[0] if len(data) >= 8 else 0
    if not 2 <= size <= min(MAX_HEADER_BYTES, len(data) - 8):
        raise _unreadable(file)
    texts = json_object(data[8 : 8 + size], file).get("__metadata__") or {}
    return {name: text for name, text in texts.items() if isinstance(text, str)} if isinstance(texts, dict) else {}


def _tensors(data: bytes, file: str) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = load(data)
    except (RuntimeError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise _unreadable(file) from error
    if not tensors:
        raise InputError(f"{file} holds no tensors", remedy="Get the adapter's files again")
    if len(tensors) > MAX_TENSORS:
        problem = f"{file} holds {len(tensors)} tensors, more than the {MAX_TENSORS} that an adapter may have"
        raise InputError(problem, remedy=REMEDY)
    return tensors


def _parts(tensors: Mapping[str, Tensor], file: str) -> tuple[Parts, Form]:
    """The tensors by layer and part, as float32 and finite, and the form of the file."""
    parts: Parts = {}
    forms: set[Form] = set()
    for key, tensor in sorted(tensors.items()):
        name = tensor_name(key, file=file)
        if tensor.dtype not in _DTYPES:
            raise InputError(f"{file}: {key} is of {tensor.dtype}, not of floats", remedy=REMEDY)
        values = tensor.to(torch.float32).contiguous()
        if not bool(torch.isfinite(values).all()):
            raise InputError(f"{file}: {key} holds values that are not finite", remedy="Train the adapter again")
        if name.part in parts.setdefault(name.layer, {}):
            raise InputError(f"{file} adapts {name.layer} twice", remedy=REMEDY)
        parts[name.layer][name.part] = values
        forms.add(name.form)
    return parts, "peft" if "peft" in forms else sorted(forms)[0]


def _pair(layer: str, parts: Mapping[str, Tensor], file: str) -> tuple[Tensor, Tensor]:
    if missing := [part for part in "AB" if part not in parts]:
        raise InputError(f"{file} has no matrix {missing[0]} for {layer}", remedy="Get the adapter's files again")
    a, b = parts["A"], parts["B"]
    if a.dim() != 2 or b.dim() != 2:
        shape = list(a.shape if a.dim() != 2 else b.shape)
        raise InputError(f"{file} adapts {layer} by {shape}: it is a convolution, not a linear layer", remedy=REMEDY)
    if not 1 <= len(a) == b.shape[1] <= MAX_RANK:
        problem = f"{file}: the matrices of {layer} are of rank {len(a)} and {b.shape[1]}, not both of 1 to {MAX_RANK}"
        raise InputError(problem, remedy="Get the adapter's files again")
    return a, b


def _config(
    document: Mapping[str, Json] | None, statement: Statement, metadata: Mapping[str, str], form: Form, file: str
) -> AdapterConfig | None:
    """What is stated of rank and alpha: by PEFT's document, by Songline in the file, or by diffusers."""
    if document is not None:
        return config_from(document, file=CONFIG_FILE)
    if statement.config is not None:
        return statement.config
    if DIFFUSERS_KEY in metadata:
        stated = json_object(metadata[DIFFUSERS_KEY], f"{file}: {DIFFUSERS_KEY}")
        return config_from({name.removeprefix("transformer."): value for name, value in stated.items()}, file=file)
    if form == "peft":
        remedy = f"Give the folder that holds {WEIGHTS_FILE} and {CONFIG_FILE}"
        raise InputError(f"{file} does not state its alpha: {CONFIG_FILE} is missing beside it", remedy=remedy)
    return None


def _of_ranks(pairs: Mapping[str, tuple[Tensor, Tensor]]) -> AdapterConfig:
    """Kohya and diffusers: the most frequent rank is the adapter's; alpha is the rank unless stated."""
    ranks = {layer: len(a) for layer, (a, _) in pairs.items()}
    rank = min(Counter(ranks.values()).most_common(), key=lambda item: (-item[1], item[0]))[0]
    others = {layer: value for layer, value in ranks.items() if value != rank}
    return AdapterConfig(rank, float(rank), others, {layer: float(value) for layer, value in others.items()})


def _with_alphas_of(parts: Parts, config: AdapterConfig, file: str) -> AdapterConfig:
    """The alphas that a file states as tensors, one for a layer; 0 means the rank, as kohya's trainer has it."""
    stated = {layer: tensors for layer, tensors in parts.items() if "alpha" in tensors}
    if not stated:
        return config
    if wrong := [layer for layer, tensors in stated.items() if tensors["alpha"].numel() != 1]:
        raise InputError(f"{file}: the alpha of {wrong[0]} is not one number", remedy=REMEDY)
    alphas = {layer: float(stated[layer]["alpha"]) if layer in stated else 0.0 for layer in parts}
    alphas = {layer: alpha or float(len(parts[layer]["A"])) for layer, alpha in alphas.items()}
    if wrong := [layer for layer, alpha in alphas.items() if not 0 < alpha <= MAX_ALPHA]:
        raise InputError(f"{file}: the alpha of {wrong[0]} is not above 0 and at most {MAX_ALPHA:g}", remedy=REMEDY)
    alpha = min(Counter(alphas.values()).most_common(), key=lambda item: (-item[1], item[0]))[0]
    others = {layer: value for layer, value in alphas.items() if value != alpha}
    return AdapterConfig(config.rank, alpha, config.rank_pattern, others, config.use_rslora)


def _check_ranks(pairs: Mapping[str, tuple[Tensor, Tensor]], config: AdapterConfig, file: str) -> None:
    ranks = {layer: (len(a), pattern_value(config.rank_pattern, layer, config.rank)) for layer, (a, _) in pairs.items()}
    wrong = [f"{layer} is of rank {found}, not {wanted}" for layer, (found, wanted) in ranks.items() if found != wanted]
    if wrong:
        problem = f"{file} does not fit what is stated of it: {first_of(wrong)} ({counted(len(wrong), 'layer')})"
        raise InputError(problem, remedy=f"Get {WEIGHTS_FILE} and {CONFIG_FILE} of one training")


def _unreadable(file: str) -> InputError:
    problem = f"{file} cannot be read as .safetensors: it is damaged, cut short or something else"
    return InputError(problem, remedy="Get the file again")


def _remedy_without_weights(folder: Path) -> str:
    if (folder / "adapter_model.bin").exists():
        return "adapter_model.bin is pickled and not read: save the adapter with safe_serialization=True"
    return "Give an adapter's folder, or its .safetensors file"
