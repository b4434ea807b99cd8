"""How near estimated stems are to true ones."""

from __future__ import annotations

import numpy as np

from catalog.selection.metrics import Measured, NotMeasurable, Reading
from tasks.audio.audio import Samples

TINY = 1e-7
"""Keeps the ratio finite for a perfect or a silent estimate, as in the Challenge's evaluation."""


def global_sdr(reference: Samples, estimate: Samples) -> Reading:
    """Signal-to-distortion ratio over the whole song in dB, all channels together.

    10 log10(sum r² / sum (r - e)²): the score of the Music Demixing Challenge (Mitsufuji et al. 2022, eq. 1), which
    has no filter and no frames, unlike museval's median. Raises ValueError for unequal shapes.
    """
    if reference.shape != estimate.shape:
        raise ValueError(f"a reference of shape {reference.shape} and an estimate of {estimate.shape}")
    true = reference.astype(np.float64)
    signal = float(np.sum(np.square(true)))
    if signal == 0.0:
        return NotMeasurable("the true stem is silent")
    distortion = float(np.sum(np.square(true - estimate)))
    return Measured(10.0 * float(np.log10((signal + TINY) / (distortion + TINY))))
