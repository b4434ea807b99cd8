"""Reads ``check.npz``: the inputs and outputs that torch computed when a model was exported."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from catalog.common.errors import CheckFailed
from db.files.regular_file import open_regular
from tasks.engines.diffrhythm.export.comparison import Array
from tasks.engines.diffrhythm.export.document import CHECK_FILE

MAX_BYTES = 64 << 20
"""Of all arrays, unpacked; those of the published network take 1 MB."""

_REMEDY = "Export the model again"


def read_arrays(folder: Path, names: Sequence[str]) -> dict[str, Array]:
    """The arrays of these names, numbers of any shape with at least one element.

    Raises CheckFailed where the file cannot be read, lacks one of them, or unpacks to more than ``MAX_BYTES``.
    """
    try:
        with open_regular(folder / CHECK_FILE) as file, zipfile.ZipFile(file) as archive:
            sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
            if sum(sizes.values()) > MAX_BYTES:
                raise CheckFailed(f"{CHECK_FILE} unpacks to more than {MAX_BYTES} bytes", remedy=_REMEDY)
            if missing := [name for name in names if f"{name}.npy" not in sizes]:
                raise CheckFailed(f"{CHECK_FILE} holds no {missing[0]}", remedy=_REMEDY)
            arrays = {name: _array(archive, name) for name in names}
    except (OSError, ValueError, EOFError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise CheckFailed(f"{CHECK_FILE} cannot be read", remedy=_REMEDY) from error
    return arrays


def _array(archive: zipfile.ZipFile, name: str) -> Array:
    """One array. Raises ValueError for anything but numbers, and the errors of a damaged file."""
    with archive.open(f"{name}.npy") as member:
        array: Array = np.lib.format.read_array(member, allow_pickle=False, max_header_size=4096)
    if array.dtype.kind not in "fiu" or array.size == 0:
        raise ValueError(f"{name}: {array.dtype} {array.shape}")
    return array
