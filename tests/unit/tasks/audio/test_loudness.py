"""The loudness meter against EBU Tech 3341 and 3342, two other meters, and the edges of what can be measured."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ebu_signals import SILENT_DB, Segment, music_like, surround, tone

from catalog.metrics import Measured, NotMeasurable, Reading
from tasks.audio.audio import Audio
from tasks.audio.loudness import (
    integrated_lufs,
    k_weighting,
    measure_loudness,
    momentary_series,
    pyloudnorm_integrated,
    short_term_series,
)

RATES = (44100, 48000)


def value(reading: Reading) -> float:
    assert isinstance(reading, Measured), reading
    return reading.value


@pytest.mark.parametrize("rate", [*RATES, 96000])
@pytest.mark.parametrize("level", [-23.0, -33.0])
def test_ebu_3341_cases_1_and_2_a_steady_tone(rate: int, level: float) -> None:
    read = measure_loudness(tone([(20, level)], rate))
    for reading in (read.integrated_lufs, read.max_momentary_lufs, read.max_short_term_lufs):
        assert value(reading) == pytest.approx(level, abs=0.1)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    "segments",
    [
        [(10, -36), (60, -23), (10, -36)],
        [(10, -72), (10, -36), (60, -23), (10, -36), (10, -72)],
        [(20, -26), (20.1, -20), (20, -26)],
    ],
    ids=["case 3", "case 4", "case 5"],
)
def test_ebu_3341_gating(rate: int, segments: list[Segment]) -> None:
    assert value(integrated_lufs(tone(segments, rate))) == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_ebu_3341_case_6_surround(rate: int) -> None:
    assert value(integrated_lufs(surround([-28, -28, -24, -30, -30], 20, rate))) == pytest.approx(-23, abs=0.1)
    with_lfe = surround([-28, -28, -24, 0, -30, -30], 20, rate)
    assert value(integrated_lufs(with_lfe)) == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_ebu_3341_case_9_short_term_is_constant(rate: int) -> None:
    series = short_term_series(tone([(1.34, -20), (1.66, -30)] * 5, rate), step_s=0.1)
    assert series.end_s[0] == 3.0
    assert all(level == pytest.approx(-23, abs=0.1) for level in series.lufs)


@pytest.mark.parametrize("rate", RATES)
def test_ebu_3341_case_12_momentary_is_constant(rate: int) -> None:
    ends, levels = momentary_series(tone([(0.18, -20), (0.22, -30)] * 25, rate))
    settled = [level for end, level in zip(ends, levels, strict=True) if end >= 1]
    assert len(settled) == 451
    assert all(level == pytest.approx(-23, abs=0.1) for level in settled)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("step", range(0, 20, 3))
def test_ebu_3341_cases_10_and_13_maxima_at_any_onset(rate: int, step: int) -> None:
    short = measure_loudness(tone([(step * 0.15, SILENT_DB), (3, -23), (1, SILENT_DB)], rate))
    assert value(short.max_short_term_lufs) == pytest.approx(-23, abs=0.1)
    momentary = measure_loudness(tone([(step * 0.02, SILENT_DB), (0.4, -23), (1, SILENT_DB)], rate))
    assert value(momentary.max_momentary_lufs) == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([(20, -20), (20, -30)], 10),
        ([(20, -20), (20, -15)], 5),
        ([(20, -40), (20, -20)], 20),
        ([(20, -50), (20, -35), (20, -20), (20, -35), (20, -50)], 15),
    ],
    ids=["case 1", "case 2", "case 3", "case 4"],
)
def test_ebu_3342_range(rate: int, segments: list[Segment], expected: float) -> None:
    assert value(measure_loudness(tone(segments, rate)).loudness_range_lu) == pytest.approx(expected, abs=1)


def test_calibration_tone_reads_minus_3_01_on_one_channel() -> None:
    line = np.sin(2 * np.pi * 997 / 48000 * np.arange(48000 * 5))
    assert value(integrated_lufs(Audio.of(line, 48000))) == pytest.approx(-3.01, abs=0.005)
    assert value(integrated_lufs(Audio.of(np.stack([line, line]), 48000))) == pytest.approx(0.0, abs=0.005)


def test_k_filter_has_the_coefficients_of_the_standard_at_48_khz() -> None:
    shelf, high_pass = k_weighting(48000)
    assert shelf[:3] == pytest.approx([1.53512485958697, -2.69169618940638, 1.19839281085285], abs=1e-9)
    assert shelf[4:] == pytest.approx([-1.69065929318241, 0.73248077421585], abs=1e-9)
    assert high_pass == pytest.approx([1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621], abs=1e-9)


@pytest.mark.parametrize("rate", RATES)
def test_agrees_with_two_other_meters(rate: int) -> None:
    rng = np.random.Generator(np.random.PCG64(1))
    noise = Audio.of(0.1 * rng.standard_normal((2, rate * 5)), rate)
    for audio in (noise, music_like(16.05, rate, seed=2)):
        read = measure_loudness(audio)
        assert value(pyloudnorm_integrated(audio)) == pytest.approx(value(read.integrated_lufs), abs=0.02)
        pyebur128 = pytest.importorskip("pyebur128")
        modes = pyebur128.MeasurementMode
        state = pyebur128.R128State(2, rate, modes.MODE_I | modes.MODE_LRA)
        state.add_frames(np.ascontiguousarray(audio.samples.T).reshape(-1), audio.frames)
        assert pyebur128.get_loudness_global(state) == pytest.approx(value(read.integrated_lufs), abs=0.02)
        # libebur128 takes a short-term value each second only, this meter ten
        assert pyebur128.get_loudness_range(state) == pytest.approx(value(read.loudness_range_lu), abs=0.3)


def test_an_incomplete_last_block_is_not_used() -> None:
    audio = tone([(10, -30), (0.09, 0)], 48000)
    assert value(integrated_lufs(audio)) == pytest.approx(-30, abs=0.02)
    assert value(pyloudnorm_integrated(audio)) == pytest.approx(-30, abs=0.02)


def test_exactly_400_ms_can_be_measured_and_less_cannot() -> None:
    assert value(integrated_lufs(tone([(0.4, -20)], 44100))) == pytest.approx(-20, abs=0.2)
    short = measure_loudness(tone([(0.39, -20)], 44100))
    assert isinstance(short.integrated_lufs, NotMeasurable)
    assert "400 ms" in short.integrated_lufs.reason
    assert isinstance(measure_loudness(tone([(2.9, -20)], 44100)).max_short_term_lufs, NotMeasurable)


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (np.zeros((2, 48000)), "-70 LUFS"),
        (np.full((2, 48000), np.nan), "96000 samples are not finite"),
        (np.where(np.arange(96000).reshape(2, -1) == 5, np.inf, 0.1), "1 samples are not finite"),
        (np.zeros((2, 0)), "400 ms"),
        (np.full((3, 48000), 0.1), "3 channels"),
    ],
    ids=["silence", "nan", "inf", "empty", "three channels"],
)
def test_what_cannot_be_measured_says_why(samples: np.ndarray, words: str) -> None:
    audio = Audio.of(samples, 48000)
    read = measure_loudness(audio)
    assert isinstance(read.integrated_lufs, NotMeasurable)
    assert words in read.integrated_lufs.reason
    others = (read.loudness_range_lu, read.max_momentary_lufs, read.max_short_term_lufs, pyloudnorm_integrated(audio))
    assert all(isinstance(reading, NotMeasurable) for reading in others)


def test_below_the_absolute_gate_is_not_measurable_but_has_a_maximum() -> None:
    read = measure_loudness(tone([(5, -75)], 48000))
    assert isinstance(read.integrated_lufs, NotMeasurable)
    assert value(read.max_momentary_lufs) == pytest.approx(-75, abs=0.1)


def test_series_show_silence_as_none_and_every_other_level_as_a_finite_number() -> None:
    series = momentary_series(tone([(1, -20), (4, SILENT_DB), (1, -20)], 44100), step_s=0.01)
    assert len(series.end_s) == len(series.lufs) == 561
    assert series.lufs[0] == pytest.approx(-20, abs=0.1)
    assert series.lufs[400] is None
    assert all(level is None or math.isfinite(level) for level in series.lufs)


def test_series_step_must_be_whole_milliseconds() -> None:
    with pytest.raises(ValueError, match="milliseconds"):
        momentary_series(tone([(1, -20)], 44100), step_s=0.0005)


def test_anti_phase_is_as_loud_as_in_phase() -> None:
    audio = tone([(3, -20)], 48000)
    flipped = Audio(audio.samples * np.array([[1], [-1]], np.float32), audio.rate)
    assert integrated_lufs(flipped) == integrated_lufs(audio)
