"""The just-noticeable step of each metric, with its source: a smaller difference of readings does not count.

Most of these are engineering judgements and say so. Three rest on something published, none on a listening test of this
very metric: a tolerance of production for loudness, the timing of single tones for tempo, and the ear's critical bands
for the edge of the spectrum. A step is in the metric's own unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from catalog.selection.metrics import MetricSpec

LOUDNESS = (
    "engineering judgement after EBU R 128 (2014), which accepts 0.5 LU off the target: a tolerance, no listening test"
)
RANGE = "engineering judgement: twice the step of loudness, since a range is the distance of two"
PEAKS = "engineering judgement: half of 1 dB, the usual step of level"
TEMPO = (
    "Friberg and Sundberg, JASA 98 (1995) 2524: a tone of an even row is heard as displaced from 2.5 % of the interval"
    " on; taken for the tempo by engineering judgement"
)
STEREO = "engineering judgement: no listening test is known"
SILENCE = "engineering judgement: a tenth of a second of rest at an end is not heard as longer"
SPECTRUM = "engineering judgement: above 10 kHz a critical band is 2.5 kHz and wider (Zwicker, JASA 33 (1961) 248)"
COUNTED = "engineering judgement: it is counted, so that one more is another reading"
MODEL = "engineering judgement: no listening test is known"
SHARES = "engineering judgement: one in fifty"
OPINION = "engineering judgement: a tenth of a point on a scale of ten"

STEPS: Mapping[str, tuple[float, str]] = {
    "integrated_lufs": (0.5, LOUDNESS),
    "loudness_range_lu": (1.0, RANGE),
    "true_peak_dbtp": (0.5, PEAKS),
    "sample_peak_dbfs": (0.5, PEAKS),
    "plr_db": (1.0, "engineering judgement: a true peak within 0.5 dB and a loudness within 0.5 LU"),
    "clipping_runs": (0.0, COUNTED),
    "clipping_runs_per_s": (0.01, COUNTED),
    "dc_offset": (0.001, "engineering judgement: -60 dBFS"),
    "head_silence_s": (0.1, SILENCE),
    "tail_silence_s": (0.1, SILENCE),
    "longest_gap_s": (0.1, SILENCE),
    "sung_gap_s": (0.1, SILENCE),
    "ending_dbfs": (1.0, "engineering judgement: 1 dB, the usual step of level for single sounds"),
    "stereo_correlation": (0.05, STEREO),
    "side_mid_db": (1.0, STEREO),
    "mono_loss_lu": (0.5, LOUDNESS),
    "bandwidth_hz": (1000.0, SPECTRUM),
    "cutoff_hz": (1000.0, SPECTRUM),
    "spectral_flatness": (0.02, "engineering judgement: no listening test is known"),
    "noise_ratio": (0.02, "engineering judgement: one window in fifty"),
    "looping_ratio": (0.05, "engineering judgement: one stretch of 5 s in a song of 95 s"),
    "duration_error_s": (0.1, SILENCE),
    "nonfinite_samples": (0.0, COUNTED),
    "alive_ratio": (0.02, "engineering judgement: two seconds in a song of 95 s"),
    "tempo_bpm": (2.5, f"{TEMPO}; at 100 BPM"),
    "tempo_match": (0.3, f"{TEMPO}, of the 8 % that the match spans"),
    "key_match": (0.05, "engineering judgement: the values are steps of 0.1 and more, each another key"),
    **dict.fromkeys(
        (
            *("mulan_similarity", "mulan_similarity_p10", "mulan_worst", "mulan_reference_similarity"),
            *("clap_similarity", "clap_similarity_p10", "clap_worst", "clap_reference_similarity"),
        ),
        (0.02, MODEL),
    ),
    **dict.fromkeys(("audiobox_ce", "audiobox_cu", "audiobox_pc", "audiobox_pq"), (0.1, OPINION)),
    **dict.fromkeys(
        (
            *("lyric_per", "lyric_cer", "lyric_coverage"),
            *("lyric_mix_per", "lyric_mix_cer", "lyric_mix_coverage"),
        ),
        (0.02, SHARES),
    ),
    "unwanted_voice_lu": (1.0, "engineering judgement: two loudnesses, each within 0.5 LU"),
}


def with_step(spec: MetricSpec) -> MetricSpec:
    """A metric with its step; one that has none here is returned unchanged."""
    if spec.name not in STEPS:
        return spec
    step, source = STEPS[spec.name]
    return replace(spec, just_noticeable=step, just_noticeable_source=source)
