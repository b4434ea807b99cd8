"""A layer's weights as the evaluator uses them: those of a common input joined, so that one product serves them all."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from tasks.engines.diffrhythm.network.layers import Layer


@dataclass(frozen=True, slots=True)
class FusedLayer:
    """The tensors of one layer: joined matrices [out, in] and the weights of its normalisations."""

    attention_norm: Tensor
    qkv: Tensor
    out: Tensor
    hidden_norm: Tensor
    gate_up: Tensor
    down: Tensor

    def add_attention(self, h: Tensor, attention: Tensor) -> None:
        """Add the attention's output to the residual [N, D] in place, as part of the product."""
        h.addmm_(attention, self.out.T)

    def add_hidden(self, h: Tensor, hidden: Tensor) -> None:
        """Add the hidden layer's output in the same way."""
        h.addmm_(hidden, self.down.T)


@dataclass(frozen=True, slots=True)
class QuantisedLayer(FusedLayer):
    """A layer with quantised matrices, which know linear products alone: the residual is added by itself."""

    def add_attention(self, h: Tensor, attention: Tensor) -> None:
        """Add the attention's output to the residual [N, D] in place."""
        h.add_(F.linear(attention, self.out))

    def add_hidden(self, h: Tensor, hidden: Tensor) -> None:
        """Add the hidden layer's output in the same way."""
        h.add_(F.linear(hidden, self.down))


def fused(layer: nn.Module) -> FusedLayer:
    """The joined form of a layer of the network, whose own matrices become views of it."""
    attention, hidden = as_layer(layer).self_attn, as_layer(layer).mlp
    return FusedLayer(
        attention_norm=as_layer(layer).input_layernorm.weight,
        qkv=_joined(attention.q_proj, attention.k_proj, attention.v_proj),
        out=attention.o_proj.weight,
        hidden_norm=as_layer(layer).post_attention_layernorm.weight,
        gate_up=_joined(hidden.gate_proj, hidden.up_proj),
        down=hidden.down_proj.weight,
    )


def as_layer(module: nn.Module) -> Layer:
    """The module, which a container gives without its type."""
    if not isinstance(module, Layer):
        raise TypeError(f"a {type(module).__name__} is no layer of the network")
    return module


def _joined(*linears: nn.Linear) -> Tensor:
    """The weights of ``linears`` as one tensor; theirs become views of it, so that nothing is stored twice."""
    joint_weight = torch.cat([linear.weight.detach() for linear in linears])
    for linear, part in zip(
        linears, torch.split(joint_weight, [linear.out_features for linear in linears]), strict=True
    ):
        linear.weight = nn.Parameter(part, requires_grad=False)
    return joint_weight
