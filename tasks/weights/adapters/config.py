"""``adapter_config.json``: read from any version of PEFT, refused where it asks for more than LoRA, and written."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from catalog.common.digests import Json
from catalog.common.errors import InputError
from tasks.weights.adapters.names import REMEDY, bare

MAX_RANK = 4096
MAX_ALPHA = 1e6
MAX_PATTERNS = 4096

_REFUSED = {
    "use_dora": "DoRA",
    "modules_to_save": "whole layers",
    "fan_in_fan_out": "transposed layers",
    "lora_bias": "adapted biases",
    "target_parameters": "adapted parameters that are no layers",
    "trainable_token_indices": "adapted embeddings",
    "layer_replication": "repeated layers",
    "use_qalora": "QALoRA",
    "use_bdlora": "block-diagonal LoRA",
    "alora_invocation_tokens": "activated LoRA",
    "arrow_config": "Arrow routing",
    "kasa_config": "KaSA",
    "velora_config": "VeLoRA",
    "monteclora_config": "MonteCLoRA",
}
"""Fields that must be unset, each with what it asks for."""

_WITHOUT_EFFECT = frozenset(
    {
        "alpha_pattern",
        "auto_mapping",
        "base_model_name_or_path",
        "bias",
        "corda_config",
        "ensure_weight_tying",
        "eva_config",
        "exclude_modules",
        "inference_mode",
        "init_lora_weights",
        "layers_pattern",
        "layers_to_transform",
        "loftq_config",
        "lora_alpha",
        "lora_dropout",
        "lora_ga_config",
        "megatron_config",
        "megatron_core",
        "peft_type",
        "peft_version",
        "qalora_group_size",
        "r",
        "rank_pattern",
        "revision",
        "runtime_config",
        "target_modules",
        "task_type",
        "use_rslora",
    }
)
"""Fields that are read here, or say nothing that merging needs."""

_CHANGING_THE_BASE = ("pissa", "olora", "loftq", "corda", "lora_ga")
"""Ways of initialising that change the base's weights: the pairs are then no differences from the published ones."""

_PATTERN = re.compile(r"[A-Za-z0-9_.]+")


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """Rank and alpha of an adapter, and the layers in which they differ: by name, or the end of it after a dot."""

    rank: int
    alpha: float
    rank_pattern: Mapping[str, int] = field(default_factory=dict)
    alpha_pattern: Mapping[str, float] = field(default_factory=dict)
    use_rslora: bool = False


def config_from(document: Mapping[str, Json], *, file: str) -> AdapterConfig:
    """The configuration in a PEFT document. Raises InputError that names each field that cannot be honoured."""
    if document.get("peft_type", "LORA") != "LORA":
        raise InputError(f"{file}: it is {str(document['peft_type'])[:40]!r}, not LORA", remedy=REMEDY)
    if faults := [*_faults(document)]:
        raise InputError(f"{file} asks for {', '.join(faults)}, which is not supported", remedy=REMEDY)
    rank = _rank(document.get("r", 8), f"{file}: r")
    alpha = _alpha(document.get("lora_alpha", 8), f"{file}: lora_alpha")
    ranks = {name: _rank(value, f"{file}: {name}") for name, value in _pattern(document, "rank_pattern", file)}
    alphas = {name: _alpha(value, f"{file}: {name}") for name, value in _pattern(document, "alpha_pattern", file)}
    return AdapterConfig(rank, alpha, ranks, alphas, _flag(document.get("use_rslora"), f"{file}: use_rslora"))


def config_document(config: AdapterConfig, layers: Collection[str]) -> dict[str, Json]:
    """The document for PEFT, with the adapted ``layers`` by their whole names in order."""
    return {
        "alpha_pattern": dict(sorted(config.alpha_pattern.items())),
        "base_model_name_or_path": None,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "lora_alpha": int(config.alpha) if float(config.alpha).is_integer() else config.alpha,
        "lora_dropout": 0.0,
        "modules_to_save": None,
        "peft_type": "LORA",
        "r": config.rank,
        "rank_pattern": dict(sorted(config.rank_pattern.items())),
        "target_modules": sorted(layers),
        "task_type": None,
        "use_dora": False,
        "use_rslora": config.use_rslora,
    }


def pattern_value(pattern: Mapping[str, Json], layer: str, otherwise: Json) -> Json:
    """The value for ``layer``: of the first entry that is its name or the end of it after a dot, as PEFT takes it."""
    return next((value for name, value in pattern.items() if f".{layer}".endswith(f".{name}")), otherwise)


def _faults(document: Mapping[str, Json]) -> Iterable[str]:
    for name, kind in _REFUSED.items():
        if document.get(name):
            yield f"{kind} (`{name}`)"
    if document.get("bias", "none") != "none":
        yield f"trained biases (`bias: {str(document['bias'])[:40]}`)"
    initialised = document.get("init_lora_weights", True)
    if isinstance(initialised, str) and initialised.lower().startswith(_CHANGING_THE_BASE):
        yield f"a changed base (`init_lora_weights: {initialised[:40]}`)"
    for name, value in document.items():
        if name not in _WITHOUT_EFFECT and name not in _REFUSED and value:
            yield f"`{name[:60]}`"


def _pattern(document: Mapping[str, Json], field_name: str, file: str) -> list[tuple[str, Json]]:
    """The entries of a pattern by bare names; one that is a regular expression is refused."""
    entries = document.get(field_name) or {}
    if not isinstance(entries, Mapping) or len(entries) > MAX_PATTERNS:
        raise InputError(f"{file}: {field_name} is no table of layers", remedy=REMEDY)
    names = {name: bare(name.removeprefix("^").replace("\\.", ".")) for name in entries}
    if wrong := [name for name, plain in names.items() if not _PATTERN.fullmatch(plain)]:
        problem = f"{file}: {field_name} names {wrong[0][:80]!r}, which is no layer's name"
        raise InputError(problem, remedy="Write layers by name there, not by regular expression")
    return [(names[name], value) for name, value in entries.items()]


def _rank(value: Json, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_RANK:
        raise InputError(f"{what} is {str(value)[:40]}, not a rank from 1 to {MAX_RANK}", remedy=REMEDY)
    return value


def _alpha(value: Json, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_ALPHA:
        raise InputError(f"{what} is {str(value)[:40]}, not an alpha above 0 and at most {MAX_ALPHA:g}", remedy=REMEDY)
    return float(value)


def _flag(value: Json, what: str) -> bool:
    if value is not None and not isinstance(value, bool):
        raise InputError(f"{what} is {str(value)[:40]!r}, not true or false", remedy=REMEDY)
    return bool(value)
