"""The step ``album_level``: the masters of an album measured as one programme, as players level whole albums."""

from __future__ import annotations

import numpy as np

from catalog.ledger.work import StepOutcome
from catalog.selection.metrics import Measured
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio
from tasks.audio.metering.loudness import BLOCK_STEP_MS, MOMENTARY_MS, UNIT_MS, Powers, gated_loudness, unit_powers
from tasks.audio.metering.true_peak import true_peak_dbtp
from tasks.steps.run_step import StepContext


def album_level(context: StepContext) -> StepOutcome:
    """Integrated loudness of all masters, gated as one programme, and the highest true peak; null where silent.

    No gating block spans a border between two songs, as ReplayGain 2.0 measures an album.
    """
    blocks, peaks = [], []
    for role in sorted(context.request.inputs):
        audio = read_audio(context.input(role))
        blocks.append(_gating_blocks(audio))
        peaks.append(true_peak_dbtp(audio))
    loudness = gated_loudness(np.concatenate(blocks))
    peak_levels = [peak.value for peak in peaks if isinstance(peak, Measured)]
    return StepOutcome(
        {
            "integrated_lufs": loudness.value if isinstance(loudness, Measured) else None,
            "true_peak_dbtp": max(peak_levels, default=None),
        }
    )


def _gating_blocks(audio: Audio) -> Powers:
    units = unit_powers(audio)
    width = MOMENTARY_MS // UNIT_MS
    if len(units) < width:
        return np.zeros(0)
    means: Powers = np.lib.stride_tricks.sliding_window_view(units, width)[:: BLOCK_STEP_MS // UNIT_MS].mean(axis=1)
    return means
