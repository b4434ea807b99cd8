"""The network's layers with their matrices in int8 or fp8, by torchao, which is imported here alone.

Both quantise dynamically: weights once, by output channel, and every frame's activations when they are multiplied. So
a song's result does not depend on the rest of its batch.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from tasks.engines.diffrhythm.network.checkpoint import adapters_of_layers, finitely_merged
from tasks.engines.diffrhythm.network.fused import FusedLayer, QuantisedLayer, as_layer
from tasks.engines.diffrhythm.network.layers import Layer
from tasks.engines.diffrhythm.network.network import DiT
from tasks.weights.adapters.merge import WeightedAdapters

if TYPE_CHECKING:
    from torchao.core.config import AOBaseConfig

    from tasks.engines.diffrhythm.weight_forms import Form


class StreamedLayers:
    """The layers of a network in ``dtype``, made one by one whenever they are iterated, with adapters merged.

    The network keeps its own weights: at most one layer of the result is in memory besides.
    """

    def __init__(
        self, network: DiT, *, device: torch.device, dtype: torch.dtype, adapters: WeightedAdapters = ()
    ) -> None:
        self._network = network
        self._device = device
        self._dtype = dtype
        self._adapters = adapters

    def __iter__(self) -> Iterator[FusedLayer]:
        for number, module in enumerate(self._network.transformer_blocks):
            layer, prefix = as_layer(module), f"transformer_blocks.{number}."
            yield self._joined(self._merged(layer, prefix), prefix)

    def _merged(self, layer: Layer, prefix: str) -> dict[str, Tensor]:
        """A layer's weights by their names in the network, with the adapters' changes."""
        of_layer = adapters_of_layers(self._adapters, lambda name: name.startswith(prefix))
        weights = {f"{prefix}{name}": tensor for name, tensor in layer.state_dict().items()}
        return {**weights, **finitely_merged(weights, of_layer)}

    def _joined(self, weights: Mapping[str, Tensor], prefix: str) -> FusedLayer:
        """A layer's matrices: merged, then joined, then converted."""

        def joined(*names: str) -> Tensor:
            parts = [weights[f"{prefix}{name}.weight"].detach() for name in names]
            whole = torch.cat([part.float() for part in parts]) if len(parts) > 1 else parts[0]
            return whole.to(self._device, self._dtype)

        return FusedLayer(
            attention_norm=joined("input_layernorm"),
            qkv=joined("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
            out=joined("self_attn.o_proj"),
            hidden_norm=joined("post_attention_layernorm"),
            gate_up=joined("mlp.gate_proj", "mlp.up_proj"),
            down=joined("mlp.down_proj"),
        )


def quantised_layers(
    network: DiT, form: Form, *, device: torch.device, dtype: torch.dtype, adapters: WeightedAdapters = ()
) -> list[FusedLayer]:
    """The layers of a network that was loaded without merging ``adapters`` into its layers; it loses them.

    Layer by layer: merged in float32, joined, converted to ``dtype``, quantised, and the network's own weights freed.
    """
    config = _config(form)
    layers: list[FusedLayer] = []
    for number, layer in enumerate(StreamedLayers(network, device=device, dtype=dtype, adapters=adapters)):
        layers.append(_quantised(layer, config))
        for parameter in network.transformer_blocks[number].parameters():
            parameter.data = parameter.data.new_empty(0)
    return layers


def _quantised(layer: FusedLayer, config: AOBaseConfig) -> QuantisedLayer:
    return QuantisedLayer(
        attention_norm=layer.attention_norm,
        qkv=_quantised_matrix(layer.qkv, config),
        out=_quantised_matrix(layer.out, config),
        hidden_norm=layer.hidden_norm,
        gate_up=_quantised_matrix(layer.gate_up, config),
        down=_quantised_matrix(layer.down, config),
    )


def _quantised_matrix(weight: Tensor, config: AOBaseConfig) -> Tensor:
    """torchao quantises modules in place; the tensor of its own kind serves linear products without one."""
    from torchao.quantization import quantize_

    with torch.device("meta"):
        linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    linear.weight = nn.Parameter(weight, requires_grad=False)
    quantize_(linear, config)
    return linear.weight.detach()


def _config(form: Form) -> AOBaseConfig:
    """By output channel and by frame. torchao would otherwise change torch's compiler settings for the process."""
    _silence_old_classes()
    from torchao.quantization import (
        Float8DynamicActivationFloat8WeightConfig,
        Int8DynamicActivationInt8WeightConfig,
        PerRow,
    )

    if form == "int8":
        return Int8DynamicActivationInt8WeightConfig(granularity=PerRow(), set_inductor_config=False, version=2)
    return Float8DynamicActivationFloat8WeightConfig(granularity=PerRow(), set_inductor_config=False, version=2)


def _silence_old_classes() -> None:
    """torchao's own warnings about extensions that were not built concern kernels that are not used here."""
    logging.getLogger("torchao").setLevel(logging.ERROR)
