"""Networks without weights, built by the config file that a model came with: others wrote it, it may say anything."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import nn

from catalog.common.errors import MachineError
from tasks.weights.tensors import Tensors, redownload_remedy

MAX_LAYERS = 512
"""Far more than any network has; a config file that states millions would keep the machine busy for hours."""
MAX_SIZE = 2**20

Module = TypeVar("Module", bound=nn.Module)


def network_without_weights(kind: Callable[..., Module], config: Mapping[str, Any], *, model: str) -> Module:
    """A module of the class ``kind`` on the meta device, of the shape that ``config`` states.

    Fields that its constructor does not know are of other programs and are left out. Raises MachineError that names
    ``model`` and the field whose value is of another kind than the constructor's own, or why there is no such network.
    """
    known = inspect.signature(kind).parameters
    fields = {name: value for name, value in config.items() if name in known}
    check_fields(fields, {name: known[name].default for name in fields}, model=model)
    try:
        with torch.device("meta"):
            return kind(**fields).eval()
    except Exception as error:  # constructors check nothing: what they raise depends on the line that is reached
        raise _no_network(model, str(error).partition("\n")[0][:120]) from error


def check_fields(fields: Mapping[str, Any], defaults: Mapping[str, Any], *, model: str) -> None:
    """Raise MachineError for a value that cannot stand in the place of its default: text, NaN, millions of layers."""
    for name, value in fields.items():
        most = MAX_LAYERS if name.endswith("_layers") else MAX_SIZE
        if value is not None and not _suits(value, defaults[name], most):
            raise _no_network(model, f"{name} is {str(value)[:40]!r}")


def check_floats(tensors: Tensors, *, model: str) -> None:
    """Raise MachineError where a tensor holds anything but floating point numbers."""
    if wrong := [name for name, tensor in tensors.items() if not tensor.is_floating_point()]:
        problem = f"{len(wrong)} tensors of {model} hold no floating point numbers (such as {wrong[0][:80]})"
        raise MachineError(problem, remedy=redownload_remedy(model))


def _suits(value: object, default: object, most: int) -> bool:
    if isinstance(default, bool):
        return isinstance(value, bool)
    if isinstance(default, int):
        return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= most
    if isinstance(default, float):
        return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and math.isfinite(value)
    return True


def _no_network(model: str, why: str) -> MachineError:
    return MachineError(f"the config file of {model} describes no network: {why}", remedy=redownload_remedy(model))
