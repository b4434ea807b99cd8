"""The closed loop: drive the limiter until the result meets its target loudness and stays under its ceiling.

The offset that dynamics added is removed from each rendering before it is measured, so that the loop stays closed.

Most of the search runs on a model: the K-weighted energies of the undriven audio times the squared gain curve. Gain
moves slowly compared with the signal, so the model errs by hundredths of a LU; each full rendering is measured, and the
model's error is taken into account in the next round.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq

from catalog.album.mastering import MasteringSpec
from catalog.selection.metrics import Measured
from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import BLOCK_STEP_MS, MOMENTARY_MS, gated_loudness, unit_edges
from tasks.audio.metering.true_peak import resampled_peak_dbtp, true_peak_dbtp
from tasks.mastering.analysis.admission import loudness_or_refusal
from tasks.mastering.metered_audio import MeteredAudio, measure_audio
from tasks.mastering.processors.limiter import CONTROL, FLOOR_DB, Limiter
from tasks.mastering.processors.offset import without_offset
from tasks.mastering.stages import amplified

ROUNDS = 14
SETTLED_LU = 0.02
SLACK_DB = 0.06
"""Margin under the ceiling for other meters: exact interpolation reads up to 0.05 dB more where there is noise right up
to half the rate, and rounding to the file's steps adds a little."""

MARGIN_DB = 0.08
AIM_LU = 0.05
"""The first round limits to a little under the ceiling and aims a little over the target; the rest is removed by a
plain gain, which lowers the peak too. So most masters need one round."""

MOST_DOWN_DB = 0.25
"""A rendering is not turned down by more than this while another round may do better."""

SILENT_LUFS = -200.0
DRIVE_STEP_DB = 0.002


@dataclass(frozen=True, slots=True)
class Final:
    """A rendering under its ceiling: its loudness, and what was done before, in and after the limiter.

    ``offset_removed`` is the larger mean that was removed from a channel, relative to full scale.
    """

    audio: Audio
    loudness_lufs: float
    drive_db: float
    max_limiting_db: float
    turned_down_db: float
    offset_removed: float
    iterations: int
    at_most: bool


@dataclass(frozen=True, slots=True)
class Goal:
    """The target loudness of a master, and the true peak it may not exceed."""

    target_lufs: float
    ceiling_dbtp: float


class LoudnessModel:
    """Forecasts the integrated loudness of a limited rendering without making it."""

    def __init__(self, audio: Audio, limiter: Limiter, measurement: MeteredAudio | None = None) -> None:
        self._limiter = limiter
        self._energies = (measurement or measure_audio(audio)).control_energies
        self._edges = unit_edges(audio.frames, audio.rate, BLOCK_STEP_MS) // CONTROL
        self._block = audio.rate * MOMENTARY_MS / 1000

    def loudness(self, drive_db: float, ceiling_db: float) -> float:
        """Integrated loudness in LUFS; very low where everything is under the absolute gate."""
        gain = self._limiter.gain(drive_db, ceiling_db)
        energies = self._energies * np.square((gain[:-1] + gain[1:]) / 2)
        steps = np.add.reduceat(energies[: self._edges[-1]], self._edges[:-1])
        width = MOMENTARY_MS // BLOCK_STEP_MS
        blocks = np.lib.stride_tricks.sliding_window_view(steps, width).sum(axis=1) / self._block
        reading = gated_loudness(blocks)
        return reading.value if isinstance(reading, Measured) else SILENT_LUFS

    def drive_for(self, goal_lufs: float, ceiling_db: float, *, at_least_db: float, at_most_db: float) -> float:
        """The drive in dB that brings the model to ``goal_lufs``, within the two limits."""
        if at_least_db >= at_most_db:
            return at_most_db

        def miss(drive_db: float) -> float:
            return self.loudness(drive_db, ceiling_db) - goal_lufs

        if miss(at_least_db) >= -SETTLED_LU / 4:
            return at_least_db
        if miss(at_most_db) <= 0:
            return at_most_db
        return float(brentq(miss, at_least_db, at_most_db, xtol=DRIVE_STEP_DB))


def finalise(
    audio: Audio, *, spec: MasteringSpec, goal: Goal, loudness_lufs: float, measurement: MeteredAudio | None = None
) -> Final:
    """Bring audio (2, frames) of ``loudness_lufs`` to the goal, with its true peak under the ceiling.

    ``measurement``, where known, saves another pass over the audio. No peak is turned down by more than the spec
    allows: where that limits the loudness, ``at_most`` is set.
    """
    if spec.gain_only:
        return _by_gain_alone(audio, goal, loudness_lufs)
    limiter = Limiter(audio, spec.limiter)
    model = LoudnessModel(audio, limiter, measurement)
    margin_db, model_error_lu, iteration = MARGIN_DB, 0.0, 0
    best_render: Final | None = None
    while True:
        iteration += 1
        held_peak_db = goal.ceiling_dbtp - margin_db
        most_drive_db = held_peak_db + spec.max_limiting_db - limiter.peak_db
        forecast = goal.target_lufs + AIM_LU - model_error_lu
        drive_db = model.drive_for(
            forecast, held_peak_db, at_least_db=forecast - loudness_lufs, at_most_db=most_drive_db
        )
        rendered_audio = limiter.render(drive_db, held_peak_db)
        offset = without_offset(rendered_audio)
        reached_lufs = loudness_or_refusal(rendered_audio)
        model_error_lu = reached_lufs - model.loudness(drive_db, held_peak_db)
        over_db = peak_16x_dbtp(rendered_audio) - (goal.ceiling_dbtp - SLACK_DB)
        limiting = max(0.0, limiter.peak_db + drive_db - held_peak_db)
        candidate = Final(
            rendered_audio, reached_lufs, drive_db, limiting, 0.0, offset, iteration, at_most=drive_db >= most_drive_db
        )
        candidate = _turned_down(candidate, max(over_db, reached_lufs - goal.target_lufs, 0.0))
        del rendered_audio
        best_render = (
            candidate
            if best_render is None
            else min(best_render, candidate, key=lambda each: _regret(each, goal.target_lufs))
        )
        is_settled = _regret(best_render, goal.target_lufs) <= SETTLED_LU or (candidate.at_most and over_db <= 0)
        if is_settled or iteration == ROUNDS:
            return best_render
        margin_db += max(0.0, over_db)


def _by_gain_alone(audio: Audio, goal: Goal, loudness_lufs: float) -> Final:
    """As near to the target from below as the peaks allow."""
    room_db = goal.ceiling_dbtp - SLACK_DB - peak_16x_dbtp(audio)
    gain_db = min(goal.target_lufs - loudness_lufs, room_db)
    return Final(amplified(audio, gain_db), loudness_lufs + gain_db, gain_db, 0.0, 0.0, 0.0, 1, at_most=False)


def peak_16x_dbtp(audio: Audio) -> float:
    """True peak in dBTP by the stricter of two meters, one of them exact up to half the rate; very low for silence."""
    readings = (true_peak_dbtp(audio, 16), resampled_peak_dbtp(audio))
    return max(reading.value if isinstance(reading, Measured) else FLOOR_DB for reading in readings)


def _regret(final: Final, target_lufs: float) -> float:
    """Distance of a rendering from its target, plus how much harder than needed it was limited."""
    return abs(final.loudness_lufs - target_lufs) + max(0.0, final.turned_down_db - MOST_DOWN_DB)


def _turned_down(final: Final, down_db: float) -> Final:
    """The rendering, ``down_db`` softer: exact in loudness and in peak, unlike a change of drive."""
    np.multiply(final.audio.samples, np.float32(10 ** (-down_db / 20)), out=final.audio.samples)
    offset = final.offset_removed * 10 ** (-down_db / 20)
    return replace(final, loudness_lufs=final.loudness_lufs - down_db, turned_down_db=down_db, offset_removed=offset)
