"""Checks of level: loudness, peaks, their ratio, channel balance and the loss in mono.

The K filter is linear, so one pass over each channel gives every loudness: with L and R its outputs, the power of the
mono fold-down (L + R) / 2 played by both sides is (L² + R²) / 2 + L·R.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from catalog.selection.metrics import NotMeasurable, Reading
from tasks.acceptance.findings import Finding, Target, Verdict, unread
from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import (
    UNIT_MS,
    Loudness,
    Powers,
    k_filtered,
    loudness_of,
    measure_loudness,
    pyloudnorm_integrated,
    unit_edges,
    unmeasurable,
)
from tasks.audio.metering.meter import plr_db
from tasks.audio.metering.true_peak import resampled_peak_dbtp, true_peak_dbtp

LOUDNESS_LU = 0.1
"""Own limit; AES TD1008 requires 0.2 LU, common practice is 0.5."""

SECOND_METER_LU = 0.1
SECOND_METER_DB = 0.2
SHORT_TERM_OVER_LU = 8.0
CRUSHED_PLR_DB = 7.0
BALANCE_LU = 1.5
MONO_WARN_LU, MONO_FAIL_LU = 1.5, 3.0
"""Unrelated channels of one level lose 3.01 LU: a failure cancels more than that, give or take a meter's error."""

METER_ERROR_LU = 0.05
NOISE_DB = 0.6
"""Noise up to half the rate may differ by this much between two filters; a larger difference is a meter's fault."""


class StereoPowers(NamedTuple):
    """Mean squares of the K-filtered channels and of their product over units of 20 ms."""

    left: Powers
    right: Powers
    cross: Powers

    @property
    def both(self) -> Powers:
        """The powers from which the loudness of the stereo programme is calculated."""
        return self.left + self.right

    @property
    def folded(self) -> Powers:
        """The powers of the mono fold-down, played by both sides."""
        return np.maximum((self.left + self.right) / 2 + self.cross, 0.0)


def level_findings(audio: Audio, target: Target) -> list[Finding]:
    """Loudness, peaks and everything else calculated from the same filter outputs."""
    powers = _stereo_powers(audio) if audio.channels == 2 and unmeasurable(audio) is None else None
    loudness = measure_loudness(audio) if powers is None else loudness_of(powers.both)
    peak = true_peak_dbtp(audio)
    return [
        loudness_finding(loudness.integrated_lufs, target),
        peak_finding(peak, target.ceiling_dbtp),
        _short_term(loudness),
        _plr(plr_db(peak, loudness.integrated_lufs)),
        *_sides(powers, loudness.integrated_lufs),
        second_loudness(audio, loudness.integrated_lufs),
        second_peak(audio, peak),
    ]


def loudness_finding(reading: Reading, target: Target) -> Finding:
    """Integrated loudness against its target."""
    if isinstance(reading, NotMeasurable):
        return unread("loudness", reading, verdict="fail", unit="LUFS")
    value, target_lufs = reading.value, target.target_lufs
    if target_lufs is None:
        return Finding("loudness", "pass", value, None, "LUFS", f"{value:.2f} LUFS; no target was set.")
    error = value - target_lufs
    if abs(error) <= LOUDNESS_LU:
        return Finding(
            "loudness", "pass", value, target_lufs, "LUFS", f"{value:.2f} LUFS, {error:+.2f} LU off its target."
        )
    verdict: Verdict = "warn" if error < 0 and target.loudness_may_be_under else "fail"
    explanation = ", which its mastering found out of reach" if verdict == "warn" else ""
    sentence = f"{value:.2f} LUFS is {abs(error):.2f} LU {'over' if error > 0 else 'under'} its target{explanation}."
    return Finding("loudness", verdict, value, target_lufs, "LUFS", sentence)


def peak_finding(reading: Reading, ceiling_dbtp: float) -> Finding:
    """True peak against its ceiling; a master may not exceed it."""
    if isinstance(reading, NotMeasurable):
        return unread("true_peak", reading, verdict="fail", unit="dBTP")
    value = reading.value
    is_over = value > ceiling_dbtp
    comparison = f"{value - ceiling_dbtp:.3f} dB over" if is_over else "at most"
    sentence = f"True peak {value:.2f} dBTP, {comparison} the ceiling of {ceiling_dbtp:g} dBTP."
    return Finding("true_peak", "fail" if is_over else "pass", value, ceiling_dbtp, "dBTP", sentence)


def second_loudness(audio: Audio, first: Reading) -> Finding:
    """Integrated loudness by pyloudnorm, compared with this meter's."""
    return _opinion("second_loudness_meter", first, pyloudnorm_integrated(audio), limit=SECOND_METER_LU, unit="LU")


def second_peak(audio: Audio, first: Reading) -> Finding:
    """True peak by plain 8x oversampling of the whole with another filter, compared with this meter's."""
    second_reading = resampled_peak_dbtp(audio)
    return _opinion("second_peak_meter", first, second_reading, limit=SECOND_METER_DB, unit="dB", fails_over=NOISE_DB)


def _opinion(
    check: str, first: Reading, second: Reading, *, limit: float, unit: str, fails_over: float | None = None
) -> Finding:
    if isinstance(first, NotMeasurable) or isinstance(second, NotMeasurable):
        return unread(check, first if isinstance(first, NotMeasurable) else second, unit=unit)
    difference = second.value - first.value
    verdict: Verdict = (
        "pass" if abs(difference) <= limit else "fail" if abs(difference) > (fails_over or limit) else "warn"
    )
    sentence = f"A second meter reads {second.value:.2f}, {difference:+.3f} {unit} from the first."
    return Finding(check, verdict, difference, limit, unit, sentence)


def _stereo_powers(audio: Audio) -> StereoPowers:
    edges = unit_edges(audio.frames, audio.rate, UNIT_MS)
    left, right = (k_filtered(channel[: edges[-1]], audio.rate) for channel in audio.samples)
    products = (left * left, right * right, left * right)
    return StereoPowers(*(np.add.reduceat(product, edges[:-1]) / np.diff(edges) for product in products))


def _short_term(loudness: Loudness) -> Finding:
    maximum, integrated = loudness.max_short_term_lufs, loudness.integrated_lufs
    if isinstance(maximum, NotMeasurable) or isinstance(integrated, NotMeasurable):
        return unread("short_term_max", maximum if isinstance(maximum, NotMeasurable) else integrated, unit="LU")
    excess = maximum.value - integrated.value
    is_high = excess > SHORT_TERM_OVER_LU
    sentence = (
        f"The loudest 3 s lie {excess:.1f} LU over the whole{', more than a song should jump' if is_high else ''}."
    )
    return Finding("short_term_max", "warn" if is_high else "pass", excess, SHORT_TERM_OVER_LU, "LU", sentence)


def _plr(reading: Reading) -> Finding:
    if isinstance(reading, NotMeasurable):
        return unread("plr", reading, unit="dB")
    is_crushed = reading.value < CRUSHED_PLR_DB
    sentence = f"Peaks stand {reading.value:.1f} dB over the loudness{': it sounds crushed' if is_crushed else ''}."
    return Finding("plr", "warn" if is_crushed else "pass", reading.value, CRUSHED_PLR_DB, "dB", sentence)


def _sides(powers: StereoPowers | None, stereo: Reading) -> list[Finding]:
    if powers is None or isinstance(stereo, NotMeasurable):
        reason = stereo if isinstance(stereo, NotMeasurable) else NotMeasurable("it has not two channels")
        return [unread("mono_fold_down", reason, unit="LU"), unread("balance", reason, unit="LU")]
    return [_mono(loudness_of(powers.folded).integrated_lufs, stereo), _balance(powers)]


def _mono(mono: Reading, stereo: Reading) -> Finding:
    if isinstance(mono, NotMeasurable) or isinstance(stereo, NotMeasurable):
        sentence = "Folded to mono the sides cancel: nothing is left."
        return Finding("mono_fold_down", "fail", None, MONO_FAIL_LU, "LU", sentence)
    loss = stereo.value - mono.value
    verdict: Verdict = "pass" if loss <= MONO_WARN_LU else "warn"
    if loss > MONO_FAIL_LU + METER_ERROR_LU:
        verdict = "fail"
    limit = MONO_WARN_LU if verdict == "pass" else MONO_FAIL_LU
    return Finding("mono_fold_down", verdict, loss, limit, "LU", f"Folded to mono it loses {max(loss, 0.0):.1f} LU.")


def _balance(powers: StereoPowers) -> Finding:
    sides = [float(side.sum()) for side in (powers.left, powers.right)]
    if min(sides) <= max(sides) * 1e-10:
        side_name = "left" if sides[0] > sides[1] else "right"
        return Finding("balance", "warn", None, BALANCE_LU, "LU", f"Only the {side_name} side sounds.")
    difference = 10 * math.log10(sides[0] / sides[1])
    is_off = abs(difference) > BALANCE_LU
    sentence = f"The {'left' if difference > 0 else 'right'} side is {abs(difference):.1f} LU louder than the other."
    return Finding("balance", "warn" if is_off else "pass", difference, BALANCE_LU, "LU", sentence)
