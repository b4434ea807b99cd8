"""What the meter shows: numbers or reasons for any audio whatever, never a NaN or an infinity."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from catalog.selection.metrics import Measured, NotMeasurable
from tasks.audio.audio import Audio
from tasks.audio.metering.meter import LoudnessMeasurement, read_measurement, series_document
from tasks.audio.metering.true_peak import LARGEST
from tests.support.signals.ebu import SILENT_DB, tone

NAMES = {
    "integrated_lufs",
    "loudness_range_lu",
    "true_peak_dbtp",
    "max_momentary_lufs",
    "max_short_term_lufs",
    "plr_db",
    "sample_peak_dbfs",
}


def test_a_tone_reads_what_it_is() -> None:
    document = read_measurement(tone([(5, -20)], 48000)).as_document()
    assert set(document) == NAMES | {"not_measurable"}
    assert document["not_measurable"] == {}
    assert document["integrated_lufs"] == pytest.approx(-20, abs=0.05)
    assert document["true_peak_dbtp"] == pytest.approx(-20, abs=0.01)
    assert document["plr_db"] == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(
    ("audio", "reason"),
    [
        (Audio.of(np.zeros((2, 48000)), 48000), "silence"),
        (Audio.of(np.zeros((2, 0)), 48000), "400 ms"),
        (Audio.of(np.full((2, 48000), np.nan), 48000), "96000 samples are not finite"),
        (Audio.of(np.full((2, 48000), 1e20), 48000), "times full scale"),
    ],
    ids=["silence", "empty", "nan", "huge"],
)
def test_what_cannot_be_read_is_null_with_its_reason(audio: Audio, reason: str) -> None:
    document = read_measurement(audio).as_document()
    assert any(reason in why for why in document["not_measurable"].values())
    assert {name for name in NAMES if document[name] is None} == set(document["not_measurable"])
    assert document["plr_db"] is None


def test_a_clip_too_short_for_a_range_still_has_its_other_readings() -> None:
    meter = read_measurement(tone([(1, -20)], 44100))
    assert isinstance(meter.loudness_range_lu, NotMeasurable)
    assert isinstance(meter.max_short_term_lufs, NotMeasurable)
    assert isinstance(meter.plr_db, Measured)


def test_an_unreadable_file_has_no_readings_and_one_reason() -> None:
    document = LoudnessMeasurement.unreadable("it is a picture").as_document()
    assert document["not_measurable"] == dict.fromkeys(NAMES, "it is a picture")


def test_series_stand_on_one_grid_and_show_silence_as_null() -> None:
    series = series_document(tone([(4, -20), (4, SILENT_DB)], 44100))
    for name, window_s in (("momentary", 0.4), ("short_term", 3.0)):
        ends, levels = series[name]["end_s"], series[name]["lufs"]
        assert len(ends) == len(levels)
        assert ends[0] == window_s
        assert np.allclose(np.diff(ends), 0.02)
        assert levels[0] == pytest.approx(-20, abs=0.1)
        assert levels[-1] is None
    json.dumps(series, allow_nan=False)


ANY = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 7), st.integers(0, 400)),
    elements=st.one_of(st.floats(width=32), st.floats(-1, 1, width=32), st.just(0.0)),
    fill=st.sampled_from([np.float32(0), np.float32(1e-42), np.float32(0.5), np.float32(3e38)]),
)


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(samples=ANY, repeats=st.sampled_from([1, 50]), rate=st.sampled_from([8000, 44100, 192000]))
def test_any_array_gives_finite_numbers_or_reasons(samples: np.ndarray, repeats: int, rate: int) -> None:
    audio = Audio.of(np.tile(samples, (1, repeats)), rate)
    for name, reading in read_measurement(audio).readings().items():
        if isinstance(reading, Measured):
            assert math.isfinite(reading.value), name
        else:
            assert reading.reason, name


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(
    rate=st.one_of(st.integers(1, 9000), st.integers(9000, 768_000)),
    seconds=st.floats(0, 1.2),
    channels=st.integers(1, 2),
)
@example(rate=10, seconds=4, channels=2)
@example(rate=40, seconds=4, channels=2)
@example(rate=100, seconds=4, channels=2)
@example(rate=2000, seconds=4, channels=2)
@example(rate=768_000, seconds=0.5, channels=2)
def test_at_any_rate_noise_reads_about_what_it_is_or_why_not(rate: int, seconds: float, channels: int) -> None:
    rng = np.random.Generator(np.random.PCG64(rate))
    audio = Audio.of(0.1 * rng.standard_normal((channels, round(rate * seconds))), rate)
    meter = read_measurement(audio)
    json.dumps([meter.as_document(), series_document(audio)], allow_nan=False)
    integrated = meter.integrated_lufs
    if rate < 8000:
        assert integrated == NotMeasurable(f"a rate of {rate} Hz is under 8 kHz, too low for the loudness filter")
    elif isinstance(integrated, Measured):
        assert -20 < integrated.value < -12
    else:
        assert "400 ms" in integrated.reason


def test_a_peak_beyond_all_reason_is_not_read() -> None:
    audio = Audio.of(np.full(10, 2 * LARGEST), 44100)
    assert isinstance(read_measurement(audio).true_peak_dbtp, NotMeasurable)
