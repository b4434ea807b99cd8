"""Whether a recording holds sound that can be learned from; told without torch, so that a manifest is checked fast."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEARNED_CHANNELS = 2
"""Channels of a recording that are encoded: the first two of more."""

SILENT_PEAK = 1e-6
"""-120 dBFS: below it, bringing a recording to its peak would make its rounding errors as loud as music."""


def is_silent(samples: NDArray[np.float32]) -> bool:
    """Whether the encoded channels of ``samples`` [channels, N] never reach the least peak."""
    return float(np.abs(samples[:LEARNED_CHANNELS]).max(initial=0.0)) < SILENT_PEAK
