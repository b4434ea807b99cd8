"""The closed loop: drive the limiter until the result reads its target loudness and keeps under its ceiling.

Most of the search runs on a model: the K-weighted energies of the undriven audio times the squared gain
curve. Gain moves slowly beside the signal, so the model errs by hundredths of a LU; each full rendering is
measured, and what the model was off is taken into account in the next round.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq

from catalog.mastering import MasteringSpec
from catalog.metrics import Measured
from tasks.audio.audio import Audio
from tasks.audio.loudness import BLOCK_STEP_MS, MOMENTARY_MS, gated_loudness, unit_edges, weighted_energies
from tasks.audio.true_peak import true_peak_dbtp
from tasks.mastering.intake import loudness_or_refusal
from tasks.mastering.limiter import CONTROL, FLOOR_DB, Limiter
from tasks.mastering.treatment import amplified

ROUNDS = 14
SETTLED_LU = 0.02
SLACK_DB = 0.01
"""Kept under the ceiling, for meters that oversample more than ours."""

SILENT_LUFS = -200.0
DRIVE_STEP_DB = 0.002


@dataclass(frozen=True, slots=True)
class Final:
    """A rendering that keeps its ceiling, and how far it is from its target."""

    audio: Audio
    loudness_lufs: float
    drive_db: float
    max_limiting_db: float
    iterations: int
    at_most: bool


class LoudnessModel:
    """Forecasts the integrated loudness of a limited rendering without making it."""

    def __init__(self, audio: Audio, limiter: Limiter) -> None:
        self._limiter = limiter
        edges = np.append(np.arange(0, audio.frames, CONTROL, dtype=np.int64), audio.frames)
        self._energies = weighted_energies(audio, edges)
        self._edges = unit_edges(audio.frames, audio.rate, BLOCK_STEP_MS) // CONTROL
        self._block = audio.rate * MOMENTARY_MS / 1000

    def loudness(self, drive_db: float, ceiling_db: float) -> float:
        """Integrated loudness in LUFS; very low where all is under the absolute gate."""
        gain = self._limiter.gain(drive_db, ceiling_db)
        energies = self._energies * np.square((gain[:-1] + gain[1:]) / 2)
        steps = np.add.reduceat(energies[: self._edges[-1]], self._edges[:-1])
        width = MOMENTARY_MS // BLOCK_STEP_MS
        blocks = np.lib.stride_tricks.sliding_window_view(steps, width).sum(axis=1) / self._block
        reading = gated_loudness(blocks)
        return reading.value if isinstance(reading, Measured) else SILENT_LUFS

    def drive_for(self, goal_lufs: float, ceiling_db: float, *, at_least_db: float, at_most_db: float) -> float:
        """The drive that brings the model to ``goal_lufs``, within the two bounds."""
        if at_least_db >= at_most_db:
            return at_most_db

        def miss(drive_db: float) -> float:
            return self.loudness(drive_db, ceiling_db) - goal_lufs

        if miss(at_least_db) >= -SETTLED_LU / 4:
            return at_least_db
        if miss(at_most_db) <= 0:
            return at_most_db
        return float(brentq(miss, at_least_db, at_most_db, xtol=DRIVE_STEP_DB))


def finalise(audio: Audio, *, spec: MasteringSpec, target_lufs: float, loudness_lufs: float) -> Final:
    """Bring audio that reads ``loudness_lufs`` to the target, its true peak under the spec's ceiling.

    No peak is turned down by more than the spec allows: where that holds the loudness back, ``at_most`` is set.
    """
    ceiling = spec.true_peak_ceiling_dbtp
    limiter = Limiter(audio, spec.limiter)
    model = LoudnessModel(audio, limiter)
    margin_db, model_error_lu, iteration = SLACK_DB, 0.0, 0
    best: Final | None = None
    while True:
        iteration += 1
        held = ceiling - margin_db
        most = held + spec.max_limiting_db - limiter.peak_db
        goal = target_lufs - model_error_lu
        drive = model.drive_for(goal, held, at_least_db=goal - loudness_lufs, at_most_db=most)
        rendered = limiter.render(drive, held)
        reached = loudness_or_refusal(rendered)
        model_error_lu = reached - model.loudness(drive, held)
        limiting = max(0.0, limiter.peak_db + drive - held)
        final = Final(rendered, reached, drive, limiting, iteration, at_most=drive >= most)
        over_db = _true_peak(rendered) - (ceiling - SLACK_DB)
        if over_db > 0:
            margin_db += over_db + SLACK_DB / 2
            final = _turned_down(final, over_db)
        elif final.at_most or abs(reached - target_lufs) <= SETTLED_LU:
            return final
        if best is None or abs(final.loudness_lufs - target_lufs) < abs(best.loudness_lufs - target_lufs):
            best = final
        if iteration == ROUNDS:
            return best


def _true_peak(audio: Audio) -> float:
    reading = true_peak_dbtp(audio)
    return reading.value if isinstance(reading, Measured) else FLOOR_DB


def _turned_down(final: Final, over_db: float) -> Final:
    """A rendering that passed its ceiling, softer by that much: a master in case no later round does better."""
    return replace(
        final,
        audio=amplified(final.audio, -over_db),
        loudness_lufs=final.loudness_lufs - over_db,
        drive_db=final.drive_db - over_db,
    )
