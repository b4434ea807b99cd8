"""The reference data: ``tests/data/parity``, or the folder that ``SONGLINE_PARITY`` names; and tests over its cases.

Nothing here knows a case's name or a size: a file or a case that the folder lacks gives no test.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.places import DATA

if TYPE_CHECKING:
    from torch import Tensor

_DEFAULT = DATA / "parity"
_SYMBOLS = DATA / "symbols"


def parity_folder() -> Path:
    """The folder of the reference data."""
    return Path(os.environ.get("SONGLINE_PARITY") or _DEFAULT)


def symbols_folder() -> Path:
    """The tables of the reference's tokens: ``assets`` beside another folder, else those of the tests."""
    beside = parity_folder().resolve().parent / "assets"
    return beside if (beside / "vocab.json").is_file() else _SYMBOLS


@cache
def load_index(name: str) -> Any:
    """The index ``name`` (a JSON file) as it is, or an empty mapping where the folder lacks it."""
    path = parity_folder() / name
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


@cache
def load_tensors(name: str) -> Mapping[str, Tensor]:
    """The tensors of the safetensors file ``name``, as float32 and int64; empty where the file is absent."""
    from safetensors.torch import load_file

    path = parity_folder() / name
    stored = load_file(path) if path.is_file() else {}
    return {key: _widened(tensor) for key, tensor in stored.items()}


def load_case(name: str, case: str) -> dict[str, Tensor]:
    """The tensors of one case, by their names without ``case/``."""
    tensors = load_tensors(name)
    return {key.removeprefix(f"{case}/"): tensors[key] for key in tensors if key.startswith(f"{case}/")}


def over(argument: str, cases: Iterable[str]) -> Callable[[Callable[..., None]], Callable[..., None] | None]:
    """Parametrize a test over case names; with no case there is no test at all (pytest would report a skipped one)."""
    names = list(cases)

    def mark(test: Callable[..., None]) -> Callable[..., None] | None:
        return pytest.mark.parametrize(argument, names)(test) if names else None

    return mark


def _widened(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor.long()
