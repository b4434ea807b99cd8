"""The sampler's network and its condition encoder, from the authors' files or from those of diffusers.

The authors keep everything in one file under the names of their own classes; diffusers has a folder for each part. Both
are loaded into the classes of diffusers: every tensor, and no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import torch
from diffusers import AceStepConditionEncoder, AceStepTransformer1DModel
from torch import Tensor, nn

from catalog.common.errors import MachineError
from catalog.models.store import InstalledModel
from tasks.engines.acestep.names import diffusers_name, is_turbo
from tasks.weights.networks import Module, check_floats, network_without_weights
from tasks.weights.tensors import damaged, differences, read_json, read_pickle, read_tensors, redownload_remedy

CONFIG_FILE, WEIGHTS, SILENCE_FILE = "config.json", "model.safetensors", "silence_latent.pt"
TRANSFORMER, CONDITION_ENCODER = "transformer", "condition_encoder"
DIFFUSERS_WEIGHTS = "diffusion_pytorch_model.safetensors"

SILENCE_FRAMES = 15_000
"""Ten minutes of silence as latents: what stands for the source and the reference where a song has none."""

_DECODER_NAMES: Mapping[str, str] = {"proj_in.1.": "proj_in_conv.", "proj_out.1.": "proj_out_conv."}
_DECODER, _ENCODER, _NULL_CONDITION = "decoder.", "encoder.", "null_condition_emb"
_LEFT_OUT = ("tokenizer.", "detokenizer.")
"""Parts for codes and covers, which are not used."""

_OF_ENCODER = ("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads")
"""Sizes of the condition encoder that the larger networks state apart, with ``encoder_`` before the name."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What samples latents: on the CPU, in the precision of the files."""

    transformer: AceStepTransformer1DModel
    condition_encoder: AceStepConditionEncoder


def load_parts(model: InstalledModel) -> Parts:
    """Both parts of an installed network.

    Raises MachineError that names the model where its files are damaged, hold a tensor too many or too few, lack the
    silence, or belong to a network of another kind than its name says.
    """
    folder = next(
        (file.removesuffix(f"{TRANSFORMER}/{CONFIG_FILE}") for file in model.digests if _is_start(file)), None
    )
    parts = _of_authors(model) if folder is None else _of_diffusers(model, folder)
    _check_silence(parts.condition_encoder.silence_latent, model)
    return parts


def transformer_shell(config: Mapping[str, Any], *, model: str) -> AceStepTransformer1DModel:
    """A network of that shape without weights, on the meta device. Raises MachineError that names ``model``."""
    shell: AceStepTransformer1DModel = network_without_weights(AceStepTransformer1DModel, config, model=model)
    return shell


def transformer_config(model: InstalledModel) -> dict[str, Any]:
    """The shape of an installed network. Raises MachineError where it cannot be read."""
    name = next((file for file in model.digests if _is_start(file)), CONFIG_FILE)
    return _config(model, name)


def linear_layers(network: nn.Module) -> dict[str, tuple[int, int]]:
    """The layers of a network that adapters may change, [out, in] by name."""
    layers = ((name, module) for name, module in network.named_modules() if isinstance(module, nn.Linear))
    return {name: (module.out_features, module.in_features) for name, module in layers}


def _is_start(file: str) -> bool:
    return f"/{file}".endswith(f"/{TRANSFORMER}/{CONFIG_FILE}")


def _of_authors(model: InstalledModel) -> Parts:
    config = _config(model, CONFIG_FILE)
    _check_kind(config, model)
    tensors = {name: tensor for name, tensor in _tensors(model, WEIGHTS).items() if not name.startswith(_LEFT_OUT)}
    decoder: dict[str, Tensor] = {}
    encoder: dict[str, Tensor] = {"silence_latent": _silence(model)}
    for name, tensor in tensors.items():
        if name.startswith(_DECODER):
            decoder[_decoder_name(name.removeprefix(_DECODER))] = tensor
        elif name.startswith(_ENCODER):
            encoder[diffusers_name(name.removeprefix(_ENCODER))] = tensor
        else:
            encoder[name] = tensor  # the embedding without conditions, or a tensor that is refused below
    if len(decoder) + len(encoder) != len(tensors) + 1:
        problem = f"the tensors of {model.spec.name} are not those of an ACE-Step network: two have one name"
        raise MachineError(problem, remedy=redownload_remedy(model.spec.name))
    return Parts(
        _loaded(_shell(AceStepTransformer1DModel, config, model), decoder, model),
        _loaded(_shell(AceStepConditionEncoder, _encoder_config(config), model), encoder, model),
    )


def _of_diffusers(model: InstalledModel, folder: str) -> Parts:
    config = _config(model, f"{folder}{TRANSFORMER}/{CONFIG_FILE}")
    _check_kind(config, model)
    encoder_config = _config(model, f"{folder}{CONDITION_ENCODER}/{CONFIG_FILE}")
    return Parts(
        _loaded(
            _shell(AceStepTransformer1DModel, config, model),
            _tensors(model, f"{folder}{TRANSFORMER}/{DIFFUSERS_WEIGHTS}"),
            model,
        ),
        _loaded(
            _shell(AceStepConditionEncoder, encoder_config, model),
            _tensors(model, f"{folder}{CONDITION_ENCODER}/{DIFFUSERS_WEIGHTS}"),
            model,
        ),
    )


def _decoder_name(name: str) -> str:
    for authors, ours in _DECODER_NAMES.items():
        if name.startswith(authors):
            return ours + name.removeprefix(authors)
    return diffusers_name(name)


def _encoder_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The condition encoder's sizes; its layers alternate as its class has them, whatever the sampler's do."""
    sizes = {name: config[f"encoder_{name}"] for name in _OF_ENCODER if config.get(f"encoder_{name}") is not None}
    return {name: value for name, value in {**config, **sizes}.items() if name != "layer_types"}


def _shell(kind: type[Module], config: Mapping[str, Any], model: InstalledModel) -> Module:
    return network_without_weights(kind, config, model=model.spec.name)


def _loaded(module: Module, tensors: Mapping[str, Tensor], model: InstalledModel) -> Module:
    """The module with exactly these tensors. Raises MachineError that names those that are wrong."""
    if faults := differences(module.state_dict(), tensors):
        problem = ", ".join(f"{len(names)} {kind} (such as {names[0]})" for kind, names in faults.items())
        raise MachineError(
            f"the tensors of {model.spec.name} are not those of an ACE-Step network: {problem}",
            remedy=redownload_remedy(model.spec.name),
        )
    check_floats(tensors, model=model.spec.name)
    # Copies begin at even addresses, and tensors in a mapped file do not: their sums would round by the file's layout.
    module.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()}, strict=True, assign=True)
    return module.requires_grad_(False)


def _tensors(model: InstalledModel, file: str) -> dict[str, Tensor]:
    """The tensors of a file, or of all the files that its index names."""
    return {name: tensor for path in _weight_files(model, file) for name, tensor in _read(path, model).items()}


def _read(path: Path, model: InstalledModel) -> Mapping[str, Tensor]:
    return read_tensors(path, remedy=redownload_remedy(model.spec.name))


def _weight_files(model: InstalledModel, file: str) -> Iterator[Path]:
    index = f"{file}.index.json"
    if not model.has(index):
        yield model.path(file)
        return
    folder = file.rpartition("/")[0]
    weight_map = _config(model, index).get("weight_map")
    if not isinstance(weight_map, dict):
        raise damaged(model.path(index), remedy=redownload_remedy(model.spec.name))
    for shard in sorted(set(map(str, weight_map.values()))):
        path = f"{folder}/{shard}" if folder else shard
        if not model.has(path):
            problem = f"the index of {model.spec.name} names a file that the model does not have: {shard[:80]!r}"
            raise MachineError(problem, remedy=redownload_remedy(model.spec.name))
        yield model.path(path)


def _config(model: InstalledModel, file: str) -> dict[str, Any]:
    path = model.path(file)
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise damaged(path, remedy=redownload_remedy(model.spec.name)) from error


def _silence(model: InstalledModel) -> Tensor:
    """The silence [1, frames, channels], which the authors store with the last two the other way round."""
    path, remedy = model.path(SILENCE_FILE), redownload_remedy(model.spec.name)
    silence = read_pickle(path, remedy=remedy)
    if not _is_plain(silence) or silence.dim() != 3:
        raise damaged(path, remedy=remedy)
    return silence.transpose(1, 2).contiguous()


def _is_plain(value: object) -> TypeGuard[Tensor]:
    """Whether a value is a tensor of floating point numbers in memory, none of the sparse or quantised kinds."""
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and value.is_floating_point()
    )


def _check_silence(silence: Tensor, model: InstalledModel) -> None:
    """Raise MachineError for silence of another length, or all zero: a song over it becomes a drone."""
    is_sound = bool(torch.isfinite(silence.float()).all()) and bool(silence.float().any())
    if silence.shape[:2] != (1, SILENCE_FRAMES) or not is_sound:
        problem = f"the latents of silence of {model.spec.name} are empty or of another length"
        raise MachineError(problem, remedy=redownload_remedy(model.spec.name))


def _check_kind(config: Mapping[str, Any], model: InstalledModel) -> None:
    """Raise MachineError where a network is of another kind than its name says."""
    name = model.spec.like or model.spec.name
    found = config.get("is_turbo") is True or config.get("model_version") == "turbo"
    if found != is_turbo(name):
        problem = f"the files of {model.spec.name} are those of a {'turbo' if found else 'full'} network"
        raise MachineError(problem, remedy=redownload_remedy(model.spec.name))
