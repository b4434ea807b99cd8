"""Low-rank layers in the network, by PEFT: put in for a training, and taken out again afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from peft.tuners.lora import LoraConfig, LoraModel
from torch import Tensor, nn

from tasks.engines.diffrhythm.network.network import DiT
from tasks.training.items import generator_for
from tasks.training.parameters import TrainingParameters
from tasks.weights.adapters.file import Adapter

_NAME = "default"
"""PEFT's own name for a model's only adapter."""


class LoraLayers:
    """The low-rank layers of a network during a training: ``tensors`` are A and B of every layer in turn, float32."""

    def __init__(self, pairs: Mapping[str, tuple[nn.Parameter, nn.Parameter]], parameters: TrainingParameters) -> None:
        self._names = tuple(sorted(pairs))
        self._parameters = parameters
        self.tensors: tuple[nn.Parameter, ...] = tuple(part for name in self._names for part in pairs[name])

    @torch.no_grad()
    def set(self, values: Sequence[Tensor]) -> None:
        """Give every tensor the value at its place."""
        for tensor, value in zip(self.tensors, values, strict=True):
            tensor.copy_(value)

    def copies(self) -> list[Tensor]:
        """The present values, copied, on the device."""
        return [tensor.detach().clone() for tensor in self.tensors]

    @contextmanager
    def holding(self, values: Sequence[Tensor]) -> Iterator[None]:
        """Hold other values for a while; the former ones return bit for bit."""
        former_values = self.copies()
        self.set(values)
        try:
            yield
        finally:
            self.set(former_values)

    def adapter(self, values: Sequence[Tensor], *, exact_rope: bool) -> Adapter:
        """The adapter with these values, on the CPU; its base network and record are left to the caller."""
        on_cpu = [value.detach().cpu().clone() for value in values]
        return Adapter(
            rank=self._parameters.rank,
            alpha=self._parameters.adapter_alpha,
            pairs=dict(zip(self._names, zip(on_cpu[::2], on_cpu[1::2], strict=True), strict=True)),
            rope="exact" if exact_rope else "float16",
        )


@contextmanager
def adapted(network: DiT, parameters: TrainingParameters) -> Iterator[LoraLayers]:
    """Put low-rank layers into ``network``, with no effect yet, and take them out at the end.

    Only they are trainable meanwhile, and nothing of the network is afterwards. The first values of A come from a
    generator of this training's own, those of B are zero.
    """
    config = LoraConfig(
        r=parameters.rank,
        lora_alpha=parameters.adapter_alpha,  # type: ignore[arg-type]  # any number will do
        target_modules=list(parameters.targets),
        init_lora_weights=False,
        bias="none",
    )
    with torch.random.fork_rng(devices=[]):
        model = LoraModel(network, {_NAME: config}, _NAME)
    pairs = {
        name: (module.lora_A[_NAME].weight, module.lora_B[_NAME].weight)
        for name, module in network.named_modules()
        if hasattr(module, "lora_A")
    }
    try:
        for name in sorted(pairs):
            _begin(*pairs[name], generator_for(parameters.seed, "adapter", name))
        yield LoraLayers(pairs, parameters)
    finally:
        model.unload()
        network.requires_grad_(False)


def _begin(a: nn.Parameter, b: nn.Parameter, generator: torch.Generator) -> None:
    """Float32, whatever the network's own precision: A uniform within one over the root of its inputs, B zero."""
    bound = 1 / math.sqrt(a.shape[1])
    uniform = torch.rand(a.shape, generator=generator) * (2 * bound) - bound
    a.data = uniform.to(a.device)
    b.data = torch.zeros(b.shape, device=b.device)
