"""The technical scorer: level, faults of the waveform, silences, stereo, spectrum and length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from catalog.selection.metrics import Measured, MetricSpec, NotMeasurable, Reading
from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import lufs_of, measure_loudness, unit_powers
from tasks.audio.metering.true_peak import sample_peak_dbfs, true_peak_dbtp
from tasks.audio.validity import nonfinite_samples, unreadable
from tasks.scoring.base import Brief
from tasks.scoring.measures.looping import looping_ratio
from tasks.scoring.measures.spectrum import spectral_readings
from tasks.scoring.measures.stereo import mono_loss_lu, side_mid_db, stereo_correlation
from tasks.scoring.measures.waveform import block_powers, clipping, dc_offset, ending_dbfs, silences, sung_gap_s
from tasks.scoring.specs import TECHNICAL

ALIVE_LU = 30.0
WINDOW_MS = 1000


class TechnicalScorer:
    """Measures the technical faults of a candidate; the brief gives its length and the times of its lines."""

    name: ClassVar[str] = "technical"
    revision: ClassVar[int] = 3
    metrics: ClassVar[tuple[MetricSpec, ...]] = TECHNICAL

    def score(self, audio: Audio, brief: Brief) -> Mapping[str, Reading]:
        """A reading for each of ``metrics``."""
        readings: dict[str, Reading] = {
            "nonfinite_samples": Measured(float(nonfinite_samples(audio))),
            "duration_error_s": Measured(abs(audio.duration_s - brief.length_s)),
        }
        fault = unreadable(audio)
        if fault:
            return {spec.name: readings.get(spec.name, fault) for spec in self.metrics}
        readings |= _levels(audio) | _waveform(audio, brief) | _picture(audio)
        return {spec.name: readings[spec.name] for spec in self.metrics}


def _levels(audio: Audio) -> dict[str, Reading]:
    """Loudness, peaks and metrics derived from them."""
    loudness = measure_loudness(audio)
    peak = true_peak_dbtp(audio)
    return {
        "integrated_lufs": loudness.integrated_lufs,
        "loudness_range_lu": loudness.loudness_range_lu,
        "true_peak_dbtp": peak,
        "sample_peak_dbfs": sample_peak_dbfs(audio),
        "plr_db": _plr(peak, loudness.integrated_lufs),
        "alive_ratio": _alive_ratio(audio, loudness.integrated_lufs),
        "mono_loss_lu": mono_loss_lu(audio, loudness.integrated_lufs),
    }


def _waveform(audio: Audio, brief: Brief) -> dict[str, Reading]:
    """Faults of the waveform, and silences."""
    powers = block_powers(audio)
    silence = silences(audio, powers)
    clipping_readings = clipping(audio)
    return {
        "clipping_runs": clipping_readings.runs,
        "clipping_runs_per_s": clipping_readings.runs_per_s,
        "dc_offset": Measured(dc_offset(audio)),
        "head_silence_s": silence.head_s,
        "tail_silence_s": silence.tail_s,
        "longest_gap_s": silence.gap_s,
        "sung_gap_s": sung_gap_s(audio, powers, brief.line_starts_s),
        "ending_dbfs": ending_dbfs(powers),
    }


def _picture(audio: Audio) -> dict[str, Reading]:
    """Stereo, spectrum, and whether it loops."""
    spectrum = spectral_readings(audio)
    return {
        "stereo_correlation": stereo_correlation(audio),
        "side_mid_db": side_mid_db(audio),
        "bandwidth_hz": spectrum.bandwidth_hz,
        "cutoff_hz": spectrum.cutoff_hz,
        "spectral_flatness": spectrum.flatness,
        "noise_ratio": spectrum.noise_ratio,
        "looping_ratio": looping_ratio(audio),
    }


def _plr(peak: Reading, loudness: Reading) -> Reading:
    if isinstance(peak, NotMeasurable):
        return peak
    return loudness if isinstance(loudness, NotMeasurable) else Measured(peak.value - loudness.value)


def _alive_ratio(audio: Audio, loudness: Reading) -> Reading:
    """Share of the whole seconds that lie no more than 30 LU under the song's integrated loudness."""
    if isinstance(loudness, NotMeasurable):
        return loudness
    powers = unit_powers(audio, WINDOW_MS)
    if powers.size == 0:
        return NotMeasurable(f"{audio.duration_s:.3f} s is less than one window of 1 s")
    is_alive = [power > 0 and lufs_of(power) >= loudness.value - ALIVE_LU for power in powers.tolist()]
    return Measured(float(np.mean(is_alive)))
