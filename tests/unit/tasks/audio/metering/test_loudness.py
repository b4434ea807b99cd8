"""The loudness meter against EBU Tech 3341 and 3342, two other meters, and the edges of what can be measured."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.signal import sosfreqz

from catalog.selection.metrics import Measured, NotMeasurable, Reading
from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import (
    Series,
    integrated_lufs,
    k_weighting,
    measure_loudness,
    momentary_series,
    pyloudnorm_integrated,
    short_term_series,
)
from tests.support.signals.ebu import SILENT_DB, Segment, music_like, surround, tone

RATES = (44100, 48000, 96000)

K_RESPONSE_DB = {25: -10.39, 100: -1.13, 500: 0.04, 997: 0.69, 2000: 3.07, 5000: 4.01, 10_000: 4.04, 15_000: 4.04}
"""The K filter of BS.1770-5 at 48 kHz, from the coefficients that it prints."""


def value(reading: Reading) -> float:
    assert isinstance(reading, Measured), reading
    return reading.value


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("level", [-23.0, -33.0])
def test_ebu_3341_cases_1_and_2_a_steady_tone(rate: int, level: float) -> None:
    read = measure_loudness(tone([(20, level)], rate))
    for reading in (read.integrated_lufs, read.max_momentary_lufs, read.max_short_term_lufs):
        assert value(reading) == pytest.approx(level, abs=0.1)


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
def test_ebu_3341_cases_10_and_13_maxima_at_any_onset(rate: int) -> None:
    for step in range(20):
        short = tone([(step * 0.15, SILENT_DB), (3, -23), (1, SILENT_DB)], rate)
        assert value(measure_loudness(short).max_short_term_lufs) == pytest.approx(-23, abs=0.1)
        momentary = tone([(step * 0.02, SILENT_DB), (0.4, -23), (1, SILENT_DB)], rate)
        assert value(measure_loudness(momentary).max_momentary_lufs) == pytest.approx(-23, abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    ("read", "window_s", "shift_s"), [(short_term_series, 3.0, 0.15), (momentary_series, 0.4, 0.02)]
)
def test_ebu_3341_cases_11_and_14_successive_maxima(
    rate: int, read: Callable[[Audio], Series], window_s: float, shift_s: float
) -> None:
    """One file of 20 bursts, each 1 LU louder and later within its turn than the one before."""
    turns = [((i * shift_s, SILENT_DB), (window_s, -38 + i), (window_s - i * shift_s, SILENT_DB)) for i in range(20)]
    ends, levels = read(tone([segment for turn in turns for segment in turn], rate))
    starts = np.cumsum([0.0, *(sum(seconds for seconds, _ in turn) for turn in turns)])
    for i in range(20):
        # the window that covers a burst ends in its turn; that of the louder one after it does not yet
        seen = [
            level
            for end, level in zip(ends, levels, strict=True)
            if level is not None and starts[i] + 0.019 < end < starts[i + 1] + 0.001
        ]
        assert max(seen) == pytest.approx(-38 + i, abs=0.1), i


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
def test_agrees_with_pyloudnorm(rate: int) -> None:
    rng = np.random.Generator(np.random.PCG64(1))
    noise = Audio.of(0.1 * rng.standard_normal((2, rate * 5)), rate)
    for audio in (noise, music_like(16.05, rate, seed=2)):
        read = value(integrated_lufs(audio))
        assert value(pyloudnorm_integrated(audio)) == pytest.approx(read, abs=0.01)


@pytest.mark.parametrize("rate", [8000, 11025, 16000])
def test_agrees_with_pyloudnorm_at_the_lowest_rates_too(rate: int) -> None:
    noise = Audio.of(0.1 * np.random.Generator(np.random.PCG64(1)).standard_normal((2, rate * 5)), rate)
    assert value(pyloudnorm_integrated(noise)) == pytest.approx(value(integrated_lufs(noise)), abs=0.01)


def test_there_is_no_filter_under_8_khz() -> None:
    with pytest.raises(ValueError, match="7999 Hz"):
        k_weighting(7999)
    low = measure_loudness(Audio.of(np.full((2, 4 * 7999), 0.1), 7999))
    assert isinstance(low.integrated_lufs, NotMeasurable)
    assert low.integrated_lufs.reason.startswith("a rate of 7999 Hz is under 8 kHz")


@pytest.mark.parametrize(("hz", "expected_db"), K_RESPONSE_DB.items())
def test_k_weighting_has_one_response_at_every_rate(hz: float, expected_db: float) -> None:
    for rate in RATES:
        sections = k_weighting(rate)
        _, response = sosfreqz(sections, [hz], fs=rate)
        bilinear = 0.25 if hz > 8000 else 0.05  # the transform bends what lies near half the rate
        assert 20 * np.log10(abs(response[0])) == pytest.approx(expected_db, abs=bilinear), rate


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


def test_one_side_is_3_lu_softer_than_both() -> None:
    both = tone([(2, -20)], 48000)
    left = Audio(both.samples * np.array([[1], [0]], np.float32), 48000)
    mono = Audio(both.samples[:1], 48000)
    assert value(integrated_lufs(both)) - value(integrated_lufs(left)) == pytest.approx(3.01, abs=0.005)
    assert integrated_lufs(mono) == integrated_lufs(left)


def test_a_constant_is_heard_only_where_it_begins() -> None:
    read = measure_loudness(Audio.of(np.full((2, 48000 * 2), 0.5), 48000))
    assert value(read.max_momentary_lufs) < -15
    late = momentary_series(Audio.of(np.full((2, 48000 * 2), 0.5), 48000)).lufs[-1]
    assert late is None or late < -100


def test_anti_phase_is_as_loud_as_in_phase() -> None:
    audio = tone([(3, -20)], 48000)
    flipped = Audio(audio.samples * np.array([[1], [-1]], np.float32), audio.rate)
    assert integrated_lufs(flipped) == integrated_lufs(audio)
