"""Arrays as the bytes of a ``.npy`` file."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray


def npy_bytes(array: NDArray[np.generic]) -> bytes:
    """The file's bytes, the same for equal arrays.

    They are made in memory: where NumPy writes to a file itself, a full disk is an error without its number, which
    cannot be told from a fault.
    """
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()
