"""Style vectors as files: ``.npy`` with the 512 numbers of an embedded prompt or reference."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.common.errors import InputError
from db.files.regular_file import open_regular
from tasks.npy import npy_bytes
from tasks.style.mulan.names import STYLE_SIZE

Style = NDArray[np.float32]

MEDIA_TYPE = "application/x-npy"
LARGEST_BYTES = 16_384
"""Twice the size of 512 numbers and any header; a bigger file is not read at all."""

NORM_TOLERANCE = 0.01
"""The allowed deviation of a length from 1: rounding to float16 costs 0.0005, a mean of different vectors far more."""

MAGIC = b"\x93NUMPY"
HEADER = re.compile(
    rb"\{\s*'descr':\s*'([<>|=]\w{1,8})',\s*'fortran_order':\s*(?:False|True),"
    rb"\s*'shape':\s*\(([0-9, ]{0,40})\),?\s*\}\s*"
)
"""As numpy has written it since version 1; numpy's own reader would also accept older notations."""

REMEDY = "Give a .npy file with the 512 numbers of a MuQ-MuLan embedding, as float32 or float16"


def read_style(path: Path) -> Style:
    """The style vector in a file, float32, shape (512,).

    Accepts float32 and float16 of shape (512,) or (1, 512). Raises InputError for anything else, and where a number is
    not finite or the vector's length is not 1. Nothing in the file is executed.
    """
    try:
        with open_regular(path) as file:
            content = file.read(LARGEST_BYTES + 1)
    except OSError as fault:
        raise InputError(f"{path.name} cannot be read ({fault.strerror})", remedy="Check the path") from fault
    if len(content) > LARGEST_BYTES:
        raise InputError(f"{path.name} is larger than {LARGEST_BYTES // 1024} KiB", remedy=REMEDY)
    return checked_style(_array(path, content), name=path.name)


def write_style(path: Path, style: Style) -> None:
    """Write a checked vector as ``.npy``, float32, shape (512,): equal vectors give equal bytes."""
    path.write_bytes(npy_bytes(checked_style(style, name=path.name).astype("<f4")))


def checked_style(vector: NDArray[np.generic], *, name: str = "the style vector") -> Style:
    """The vector as float32 of shape (512,). Raises InputError where it is no style vector; ``name`` is its subject."""
    _check_form(vector.dtype, vector.shape, name)
    style = vector.reshape(-1).astype(np.float32)
    if not np.isfinite(style).all():
        raise InputError(f"{name} holds numbers that are not finite", remedy=REMEDY)
    length = float(np.linalg.norm(style.astype(np.float64)))
    if abs(length - 1) > NORM_TOLERANCE:
        raise InputError(
            f"{name} has length {length:.4g}, and style vectors have length 1", remedy="Divide it by its length"
        )
    return style


def _check_form(dtype: np.dtype[Any], shape: tuple[int, ...], name: str) -> None:
    if dtype.kind != "f" or dtype.itemsize not in (2, 4):
        raise InputError(f"{name} holds {dtype}, not float32 or float16", remedy=REMEDY)
    if shape not in ((STYLE_SIZE,), (1, STYLE_SIZE)):
        raise InputError(f"{name} has shape {shape}, not ({STYLE_SIZE},) or (1, {STYLE_SIZE})", remedy=REMEDY)


def _array(path: Path, content: bytes) -> NDArray[np.generic]:
    """The array in the bytes of a ``.npy`` file. Its header is checked before numpy allocates memory."""
    try:
        dtype, shape = _header(content)
        _check_form(dtype, shape, path.name)
        array: NDArray[np.generic] = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, TypeError, EOFError) as fault:
        raise InputError(f"{path.name} is no whole .npy file", remedy=REMEDY) from fault
    return array


def _header(content: bytes) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Type and shape in a header. Raises ValueError or TypeError where it is not in numpy's notation."""
    start = 10 if content[6:7] == b"\x01" else 12
    size = int.from_bytes(content[8:start], "little")
    header = HEADER.fullmatch(content[start : start + size])
    if header is None or not content.startswith(MAGIC):
        raise ValueError("no header")
    return np.dtype(header[1].decode()), tuple(int(side) for side in header[2].split(b",") if side.strip())
