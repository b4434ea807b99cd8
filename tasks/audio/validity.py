"""The faults that make audio unmeasurable, checked in one place for all scorers."""

from __future__ import annotations

import numpy as np

from catalog.selection.metrics import NotMeasurable
from tasks.audio.audio import Audio, beyond_any_level


def nonfinite_samples(audio: Audio) -> int:
    """The number of samples that are NaN or infinite, over all channels."""
    return audio.samples.size - int(np.count_nonzero(np.isfinite(audio.samples)))


def unreadable(audio: Audio) -> NotMeasurable | None:
    """Why this audio cannot be measured; None where it can."""
    if audio.samples.size == 0:
        return NotMeasurable("there are no samples")
    if nonfinite := nonfinite_samples(audio):
        return NotMeasurable(f"{nonfinite} samples are not finite numbers")
    peak = float(np.abs(audio.samples).max())
    if problem := beyond_any_level(peak):
        return NotMeasurable(f"samples {problem}")
    return None if peak else NotMeasurable("the audio is silent throughout")
