"""Audio through pedalboard's plug-ins in parts, so that they need little memory beside the result."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pedalboard import Plugin

from tasks.audio.audio import Samples

PART = 1 << 16
"""Frames per part: whole buffers of pedalboard's own 8192, so that the result equals that of one call."""


def through(plugins: Sequence[Plugin], samples: Samples, rate: int) -> Samples:
    """Samples of shape (channels, frames) through the plug-ins in turn, which start from rest."""
    output = np.empty_like(samples)
    for start in range(0, samples.shape[1], PART):
        part = np.ascontiguousarray(samples[:, start : start + PART])
        for plugin in plugins:
            part = plugin.process(part, rate, reset=start == 0)
        output[:, start : start + PART] = part
    return output
