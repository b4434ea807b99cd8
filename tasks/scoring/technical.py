"""The technical scorer: level, faults of the waveform, silences, stereo, spectrum and length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from catalog.metrics import Measured, MetricSpec, NotMeasurable, Reading
from tasks.audio.audio import Audio
from tasks.audio.loudness import lufs_of, measure_loudness, unit_powers
from tasks.audio.true_peak import sample_peak_dbfs, true_peak_dbtp
from tasks.scoring.base import Brief
from tasks.scoring.intake import nonfinite_samples, unreadable
from tasks.scoring.specs import TECHNICAL
from tasks.scoring.spectrum import spectral_readings
from tasks.scoring.stereo import mono_loss_lu, stereo_correlation
from tasks.scoring.waveform import clipping_runs, dc_offset, silences

ALIVE_LU = 30.0
WINDOW_MS = 1000


class TechnicalScorer:
    """Reads off the audio alone what can be wrong with it; only the length is compared with the brief."""

    name: ClassVar[str] = "technical"
    revision: ClassVar[int] = 1
    metrics: ClassVar[tuple[MetricSpec, ...]] = TECHNICAL

    def score(self, audio: Audio, brief: Brief) -> Mapping[str, Reading]:
        """A reading for each of ``metrics``."""
        readings: dict[str, Reading] = {
            "nonfinite_samples": Measured(float(nonfinite_samples(audio))),
            "duration_error_s": Measured(abs(audio.duration_s - brief.length_s)),
        }
        fault = unreadable(audio)
        readings |= _levels(audio, fault) | _shape(audio, fault)
        return {spec.name: readings[spec.name] for spec in self.metrics}


def _levels(audio: Audio, fault: NotMeasurable | None) -> dict[str, Reading]:
    """Loudness, peaks and what is derived from them."""
    if fault:
        names = ("integrated_lufs", "loudness_range_lu", "true_peak_dbtp", "sample_peak_dbfs", "plr_db")
        return dict.fromkeys((*names, "alive_ratio", "mono_loss_lu"), fault)
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


def _shape(audio: Audio, fault: NotMeasurable | None) -> dict[str, Reading]:
    """Faults of the waveform, silences, stereo and spectrum."""
    if fault:
        names = ("clipping_runs", "dc_offset", "head_silence_s", "tail_silence_s", "longest_gap_s")
        return dict.fromkeys((*names, "stereo_correlation", "bandwidth_hz", "spectral_flatness"), fault)
    silence = silences(audio)
    bandwidth, flatness = spectral_readings(audio)
    return {
        "clipping_runs": Measured(float(clipping_runs(audio))),
        "dc_offset": Measured(dc_offset(audio)),
        "head_silence_s": silence.head_s,
        "tail_silence_s": silence.tail_s,
        "longest_gap_s": silence.gap_s,
        "stereo_correlation": stereo_correlation(audio),
        "bandwidth_hz": bandwidth,
        "spectral_flatness": flatness,
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
    alive = [power > 0 and lufs_of(power) >= loudness.value - ALIVE_LU for power in powers.tolist()]
    return Measured(float(np.mean(alive)))
