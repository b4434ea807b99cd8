"""Load networks from published files and training checkpoints: without trusting them, and strictly.

A file is a flat set of tensors, or holds such sets under the names that training gives them. The kind of network
(sizes, base or full) is derived from the tensors; a tensor too many, too few or of the wrong shape is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from catalog.common.errors import MachineError
from catalog.common.text import first_of
from tasks.engines.diffrhythm.network.config import BASE_FRAMES, FULL_FRAMES, HEADS, NetworkConfig
from tasks.engines.diffrhythm.network.network import DiT
from tasks.weights.adapters.merge import Shape, WeightedAdapters, merged, misfits
from tasks.weights.tensors import RESHAPED, differences, unpickled

LAYERS = "transformer_blocks."
"""The beginning of the layers' names."""

_PREFIX = "transformer."
_EMA_PREFIX = "ema_model."
_EMA_EXTRAS = ("initted", "step")
_WEIGHTS, _EMA = "model_state_dict", "ema_model_state_dict"
_SHOWN = 4

_REMEDY = "Run `songline models remove NAME --forget` for this model, then pull or import it again"

Tensors = dict[str, Tensor]


def load_network(
    path: Path,
    *,
    exact_buffers: bool = False,
    prefer_ema: bool = False,
    max_frames: int | None = None,
    adapters: WeightedAdapters = (),
    merge_layers: bool = True,
) -> DiT:
    """The network in a ``.pt`` or ``.safetensors`` file, on the CPU in the stored precision.

    ``exact_buffers`` as for :class:`DiT`; ``prefer_ema`` takes the averaged weights of a training checkpoint;
    ``max_frames`` is 6144 for a network with a duration embedding and 2048 for one without, unless given. A ``.pt``
    file is mapped into memory rather than read. ``adapters`` are merged into it: the layers that they change are in
    float32 then. ``merge_layers=False`` leaves the transformer's layers as they are stored, for a caller who merges
    them one by one. Raises MachineError that names the fault of the file, or the layer that an adapter does not fit
    or overflows.
    """
    tensors = _unprefixed(_weights(_read(path), path, prefer_ema=prefer_ema))
    config = _config(tensors, path, max_frames)
    with torch.device("meta"):
        network = DiT(config, exact_buffers=exact_buffers)
    _compare(network.state_dict(), tensors, path)
    _check_adapters(adapters, network, path)
    now = adapters if merge_layers else adapters_of_layers(adapters, lambda name: not name.startswith(LAYERS))
    network.load_state_dict({**tensors, **finitely_merged(tensors, now)}, assign=True)
    return network


def adapters_of_layers(adapters: WeightedAdapters, wanted: Callable[[str], bool]) -> WeightedAdapters:
    """The adapters' changes of the layers that are wanted, by name."""
    return [
        (replace(adapter, pairs={name: pair for name, pair in adapter.pairs.items() if wanted(name)}), weight)
        for adapter, weight in adapters
    ]


def linear_layers(network: DiT) -> dict[str, Shape]:
    """The layers that an adapter can change, by name: output and input channels of each."""
    linears = ((name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Linear))
    return {name: (layer.out_features, layer.in_features) for name, layer in linears}


def _read(path: Path) -> Mapping[str, object]:
    if not path.is_file():
        raise MachineError(
            f"There is no network file at {path}", remedy="Check the path, or run `songline models list`"
        )
    try:
        content = load_file(path) if path.suffix == ".safetensors" else unpickled(path)
    except Exception as error:  # a damaged or hostile file can make its reader raise anything
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise MachineError(f"{path.name} cannot be read as a network: {reason}", remedy=_REMEDY) from error
    if not isinstance(content, Mapping) or not all(isinstance(name, str) for name in content):
        raise MachineError(f"{path.name} holds no named tensors", remedy=_REMEDY)
    return content


def _weights(checkpoint: Mapping[str, object], path: Path, *, prefer_ema: bool) -> Tensors:
    """The requested set of tensors, of those in the file."""
    if not {_WEIGHTS, _EMA} & checkpoint.keys():
        has_ema = any(name.startswith(_EMA_PREFIX) for name in checkpoint)
        if prefer_ema and not has_ema:
            raise _without_ema(path)
        return _tensors(checkpoint, path)
    if prefer_ema and _EMA not in checkpoint:
        raise _without_ema(path)
    weights = checkpoint[_EMA if prefer_ema or _WEIGHTS not in checkpoint else _WEIGHTS]
    if not isinstance(weights, Mapping):
        raise MachineError(f"{path.name} holds no named tensors", remedy=_REMEDY)
    return _tensors(weights, path)


def _tensors(checkpoint: Mapping[str, object], path: Path) -> Tensors:
    """Names without the average's prefix and without its counters."""
    tensors: Tensors = {}
    for name, value in checkpoint.items():
        if name in _EMA_EXTRAS:
            continue
        if not isinstance(value, Tensor) or not value.is_floating_point() or value.layout is not torch.strided:
            raise MachineError(f"{path.name} holds {name}, which is no tensor of weights", remedy=_REMEDY)
        tensors[name.removeprefix(_EMA_PREFIX)] = _computable(value)
    return tensors


def _computable(tensor: Tensor) -> Tensor:
    """Eight-bit floats as float16, which holds each of them exactly."""
    return tensor.half() if tensor.element_size() == 1 else tensor


def _unprefixed(tensors: Tensors) -> Tensors:
    """Names as :class:`DiT` has them; files saved from one have no prefix."""
    if not all(name.startswith(_PREFIX) for name in tensors):
        return tensors
    return {name.removeprefix(_PREFIX): tensor for name, tensor in tensors.items()}


def _config(tensors: Tensors, path: Path, max_frames: int | None) -> NetworkConfig:
    """The sizes derived from the tensors."""
    rows = ("proj_out.weight", "transformer_blocks.0.mlp.gate_proj.weight", "text_embed.text_embed.weight")
    missing_names = [name for name in rows if name not in tensors or tensors[name].dim() != 2]
    if missing_names:
        raise MachineError(
            f"{path.name} is not a DiffRhythm network: it lacks {first_of(missing_names, _SHOWN)}", remedy=_REMEDY
        )
    (mel_dim, dim), (hidden, _), (symbols, text_dim) = (tensors[name].shape for name in rows)
    if dim == 0 or dim % (2 * HEADS):
        raise MachineError(f"{path.name} is {dim} channels wide, not a multiple of {2 * HEADS}", remedy=_REMEDY)
    has_duration = any(name.startswith("duration_time_embed.") for name in tensors)
    return NetworkConfig(
        dim=dim,
        depth=_count(tensors, "transformer_blocks"),
        ff_mult=hidden // dim,
        conv_layers=_count(tensors, "text_embed.text_blocks"),
        max_frames=max_frames or (FULL_FRAMES if has_duration else BASE_FRAMES),
        has_duration=has_duration,
        text_dim=text_dim,
        mel_dim=mel_dim,
        symbols=symbols - 1,
    )


def _count(tensors: Tensors, stem: str) -> int:
    """The number of numbered parts, counted up to the first gap."""
    pattern = re.compile(re.escape(stem) + r"\.(\d+)\.")
    numbers = {int(match[1]) for match in map(pattern.match, tensors) if match}
    return next(number for number in range(len(numbers) + 1) if number not in numbers)


def _compare(expected: Mapping[str, Tensor], tensors: Tensors, path: Path) -> None:
    def shown(name: str, what: str) -> str:
        return (
            name if what != RESHAPED else f"{name} {list(tensors[name].shape)} instead of {list(expected[name].shape)}"
        )

    faults = [
        f"{what} {first_of([shown(name, what) for name in names], _SHOWN)}"
        for what, names in differences(expected, tensors).items()
    ]
    if faults:
        raise MachineError(f"{path.name} is not a whole DiffRhythm network: {'; '.join(faults)}", remedy=_REMEDY)


def _check_adapters(adapters: WeightedAdapters, network: DiT, path: Path) -> None:
    layers = linear_layers(network)
    faults = [fault for adapter, _ in adapters for fault in misfits(adapter, layers)]
    if faults:
        raise MachineError(
            f"an adapter does not fit {path.name}: {first_of(faults, _SHOWN)}",
            remedy="Leave it out, or use the network that it was trained on",
        )


def finitely_merged(weights: Mapping[str, Tensor], adapters: WeightedAdapters) -> dict[str, Tensor]:
    """The tensors that ``adapters`` change, as :func:`merged` gives them.

    Raises MachineError where they are not finite: adapters of finite numbers can have a product beyond float32.
    """
    changed = merged(weights, adapters)
    if faults := [name.removesuffix(".weight") for name, tensor in changed.items() if not torch.isfinite(tensor).all()]:
        raise MachineError(
            f"the adapters make numbers that are not finite in {first_of(faults, _SHOWN)}",
            remedy="Give them a smaller weight, or leave them out",
        )
    return changed


def _without_ema(path: Path) -> MachineError:
    return MachineError(f"{path.name} holds no averaged (EMA) weights", remedy="Ask for the plain weights")
