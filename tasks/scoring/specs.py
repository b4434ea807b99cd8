"""The metrics of the built-in scorers, without loading the scorers: light enough for ``validate`` and ``plan``."""

from __future__ import annotations

from catalog.selection.metrics import Direction, MetricSpec

Row = tuple[str, str, Direction, str]

_PRODUCTION = frozenset({"plr_db", "mono_loss_lu", "bandwidth_hz"})
"""The technical scorer's metrics of production quality, which rank; its other metrics are about faults, and gate."""

_TECHNICAL: tuple[Row, ...] = (
    ("integrated_lufs", "LUFS", "none", "Loudness of the whole, gated (BS.1770)"),
    ("loudness_range_lu", "LU", "none", "Spread of the loudness over the song (EBU Tech 3342)"),
    ("true_peak_dbtp", "dBTP", "none", "Highest level between the samples, 8 times oversampled"),
    ("sample_peak_dbfs", "dBFS", "none", "Highest sample"),
    ("plr_db", "dB", "higher", "True peak above integrated loudness: how little it is squashed"),
    ("clipping_runs", "runs", "lower", "Runs of 3 or more equal samples at the channel's extreme or full scale"),
    ("clipping_runs_per_s", "runs/s", "lower", "Runs of equal samples at the extremes, for each second"),
    ("dc_offset", "FS", "lower", "Mean of the worse channel, as a share of full scale"),
    ("head_silence_s", "s", "lower", "Silence (under -60 dBFS) before the first sound"),
    ("tail_silence_s", "s", "lower", "Silence (under -60 dBFS) after the last sound"),
    ("longest_gap_s", "s", "lower", "Longest silence (under -60 dBFS) between first and last sound"),
    ("sung_gap_s", "s", "lower", "Longest silence (under -60 dBFS) where a line of the lyrics should be sung"),
    ("ending_dbfs", "dBFS", "lower", "Level of the last 50 ms that sound: over -30 the end is cut off"),
    ("stereo_correlation", "", "none", "Mean correlation of left and right over the seconds that sound, -1 to 1"),
    ("side_mid_db", "dB", "none", "Difference of the channels against their sum: under -50 it is mono in two channels"),
    ("mono_loss_lu", "LU", "lower", "Loudness lost when both channels are folded to mono"),
    ("bandwidth_hz", "Hz", "higher", "Highest frequency that carries content up to 22050, or the edge of a brick wall"),
    (
        "cutoff_hz",
        "Hz",
        "none",
        "Where a brick wall cuts the spectrum off; 22050 where it ends by itself",
    ),
    (
        "spectral_flatness",
        "",
        "none",
        "Flatness of the spectrum, 200 Hz to 8 kHz: white noise 0.56 to 0.76, pink 0.37 to 0.5, music under 0.3",
    ),
    ("noise_ratio", "", "lower", "Share of the sounding seconds that are steady noise without a tone"),
    (
        "looping_ratio",
        "",
        "lower",
        "Share of the song that one stretch of 5 s fills by coming again and again; music may",
    ),
    ("duration_error_s", "s", "lower", "How far the length is off the length asked for"),
    ("nonfinite_samples", "samples", "lower", "Samples that are not finite numbers"),
    ("alive_ratio", "", "higher", "Share of the seconds within 30 LU of the song's own loudness"),
)

_ADHERENCE: tuple[Row, ...] = (
    ("tempo_bpm", "BPM", "none", "Tempo as heard; may be half or double of what is felt"),
    (
        "tempo_match",
        "",
        "higher",
        "Nearness to the stated tempo, its half, third, double or triple: 1 exact, 0 from 8 % on",
    ),
    (
        "key_match",
        "",
        "higher",
        "Against the stated key: 1 the same, 0.5 a fifth off, 0.3 relative, 0.2 parallel, else 0",
    ),
)

_MULAN: tuple[Row, ...] = (
    ("mulan_similarity", "", "higher", "Nearness to the prompt as MuQ-MuLan hears it: mean cosine of 10 s windows"),
    ("mulan_similarity_p10", "", "higher", "Nearness to the prompt that nine in ten of the 10 s windows reach"),
    ("mulan_worst", "", "higher", "Nearness to the prompt of the 10 s window that is furthest from it"),
    ("mulan_reference_similarity", "", "higher", "Nearness to the reference audio: mean cosine of 10 s windows"),
)

_WORDS = {
    "mulan_similarity": "prompt match",
    "mulan_similarity_p10": "prompt match of the weaker windows",
    "mulan_worst": "prompt match of the worst window",
    "mulan_reference_similarity": "reference match",
    "sung_gap_s": "silence in sung lines",
    "looping_ratio": "looping",
    "noise_ratio": "noise",
    "cutoff_hz": "brick wall",
}


def _spec(family: str, row: Row) -> MetricSpec:
    name, unit, direction, description = row
    return MetricSpec(name, unit, direction, family, description, words=_WORDS.get(name, ""))


TECHNICAL: tuple[MetricSpec, ...] = tuple(
    _spec("production" if row[0] in _PRODUCTION else "technical", row) for row in _TECHNICAL
)
ADHERENCE: tuple[MetricSpec, ...] = tuple(_spec("adherence", row) for row in _ADHERENCE)
MULAN: tuple[MetricSpec, ...] = tuple(_spec("adherence", row) for row in _MULAN)
