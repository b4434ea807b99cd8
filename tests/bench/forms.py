"""The forms of the network's weights side by side: seconds, arithmetic, error and memory of each.

Needs torch and this repository; int8 and fp8 need torchao besides, and are left out with a sentence without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Literal

import torch
from torch import Tensor

from tasks.engines.diffrhythm.network import precision
from tasks.engines.diffrhythm.network.network import DiT, NetworkConfig
from tasks.engines.diffrhythm.network.quantised import quantised_layers
from tasks.engines.diffrhythm.network.sampler import Sampler

FP8_CAPABILITY = (8, 9)
Form = Literal["float32", "bfloat16", "int8", "int8 on bfloat16", "fp8"]

ON_A_GPU: tuple[Form, ...] = ("bfloat16", "int8 on bfloat16", "fp8")
ON_A_CPU: tuple[Form, ...] = ("float32", "bfloat16", "int8", "int8 on bfloat16")
DTYPES: Mapping[Form, torch.dtype] = {"float32": torch.float32, "int8": torch.float32}
"""Precision of what is not quantised; bfloat16 where not listed."""


@dataclass(frozen=True, slots=True)
class FormOfNetwork:
    """A network in one form: its sampler, and the error of one evaluation against the first form's."""

    form: Form
    sampler: Sampler
    error: float


@cache
def forms_for(device: torch.device) -> tuple[Form, ...]:
    """The forms that this machine can compute; prints a sentence, once, for each that is left out."""
    forms = ON_A_GPU if device.type == "cuda" else ON_A_CPU
    if find_spec("torchao") is None:
        print("int8 and fp8 are left out: torchao is not installed")
        return tuple(form for form in forms if not is_quantised(form))
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < FP8_CAPABILITY:
        print(f"fp8 is left out: {torch.cuda.get_device_name(device)} has none")
        return tuple(form for form in forms if form != "fp8")
    return forms


def is_quantised(form: Form) -> bool:
    """Whether torchao makes it."""
    return form.startswith(("int8", "fp8"))


def in_forms(
    read: Callable[[], DiT], config: NetworkConfig, *, device: torch.device, compile: bool, probe_frames: int
) -> Iterator[FormOfNetwork]:
    """The network of ``read``, which gives the same weights each time, in each form, one in memory at a time.

    ``compile`` concerns quantised layers on a GPU, which are compiled as a whole.
    """
    reference: list[Tensor] = []
    for form in forms_for(device):
        try:
            sampler = _sampler(read(), form, device=device, compile=compile)
            velocities = precision.probe_velocities(sampler, config, frames=probe_frames)
        except (RuntimeError, NotImplementedError, AssertionError) as error:
            print(f"{form} does not run here: {' '.join(str(error).split())[:160]}")
            continue
        reference = reference or velocities
        yield FormOfNetwork(form, sampler, precision.worst_error(reference, velocities))
        del sampler


def _sampler(network: DiT, form: Form, *, device: torch.device, compile: bool) -> Sampler:
    dtype = DTYPES.get(form, torch.bfloat16)
    if not is_quantised(form):
        return Sampler(network, device=device, dtype=dtype)
    kind: Literal["int8", "fp8"] = "fp8" if form == "fp8" else "int8"
    layers = quantised_layers(network, kind, device=device, dtype=dtype)
    return Sampler(network, device=device, dtype=dtype, compile=compile and device.type == "cuda", layers=layers)
