"""The reference data: ``tests/data/parity``, or the folder that ``SONGLINE_PARITY`` names; and parametrization by its
cases.

No case's name or size is known here: a file or a case that is missing in the folder gives no test.
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
    """The contents of the index ``name`` (a JSON file), or an empty mapping where it does not exist."""
    path = parity_folder() / name
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


@cache
def load_tensors(name: str) -> Mapping[str, Tensor]:
    """The tensors of the safetensors file ``name``, as float32 and int64; empty where the file does not exist."""
    from safetensors.torch import load_file

    path = parity_folder() / name
    stored = load_file(path) if path.is_file() else {}
    return {key: _widened(tensor) for key, tensor in stored.items()}


def load_case(name: str, case: str) -> dict[str, Tensor]:
    """The tensors of one case, by their names without ``case/``."""
    tensors = load_tensors(name)
    return {key.removeprefix(f"{case}/"): tensors[key] for key in tensors if key.startswith(f"{case}/")}


def over(argument: str, cases: Iterable[str]) -> Callable[[Callable[..., None]], Callable[..., None] | None]:
    """Parametrize a test by case names; without cases there is no test (pytest would report a skipped one)."""
    names = list(cases)

    def mark(test: Callable[..., None]) -> Callable[..., None] | None:
        return pytest.mark.parametrize(argument, names)(test) if names else None

    return mark


def _widened(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor.long()
