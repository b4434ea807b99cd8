"""The technical scorer on signals with known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from catalog.selection.metrics import Measured, NotMeasurable, Reading
from tasks.audio.audio import Audio
from tasks.scoring.base import Brief
from tasks.scoring.measures.technical import TechnicalScorer
from tasks.scoring.specs import TECHNICAL
from tests.support.signals.scoring import RATE, noise, silence, sine, stereo
from tests.unit.tasks.scoring.measures.technical_scores import reason, score, value


class TestLevels:
    def test_a_sine_has_the_levels_of_the_standard(self) -> None:
        readings = score(stereo(sine(5, 997, 0.1)))
        assert value(readings, "integrated_lufs") == pytest.approx(-20.0, abs=0.02)
        assert value(readings, "true_peak_dbtp") == pytest.approx(-20.0, abs=0.01)
        assert value(readings, "sample_peak_dbfs") == pytest.approx(-20.0, abs=0.01)
        assert value(readings, "plr_db") == pytest.approx(0.0, abs=0.02)
        assert value(readings, "loudness_range_lu") == pytest.approx(0.0, abs=0.01)

    def test_peaks_between_the_samples_count(self) -> None:
        between = 0.5 * np.sin(np.pi / 2 * np.arange(RATE) + np.pi / 4)
        readings = score(stereo(between))
        assert value(readings, "sample_peak_dbfs") == pytest.approx(-9.03, abs=0.01)
        assert value(readings, "true_peak_dbtp") == pytest.approx(-6.02, abs=0.2)


class TestWaveform:
    def test_offset_is_the_larger_mean(self) -> None:
        readings = score(stereo(sine(2) + 0.01, sine(2) - 0.03))
        assert value(readings, "dc_offset") == pytest.approx(0.03, abs=1e-5)

    def test_clipped_tops_are_counted_per_channel(self) -> None:
        clipped = np.clip(sine(1, 100, 1.5), -1, 1)
        assert value(score(stereo(clipped, sine(1))), "clipping_runs") == 200
        assert value(score(stereo(clipped)), "clipping_runs") == 400

    def test_a_clipped_mix_that_was_turned_down_still_counts(self) -> None:
        assert value(score(stereo(np.clip(sine(1, 100, 1.5), -1, 1) * 0.3)), "clipping_runs") == 400

    def test_two_equal_samples_are_no_run_and_three_are(self) -> None:
        tops = {}
        for length in (2, 3):
            samples = noise(1, 0.1)
            samples[1000 : 1000 + length] = 0.9
            tops[length] = value(score(stereo(samples, noise(1))), "clipping_runs")
        assert tops == {2: 0, 3: 1}

    @pytest.mark.parametrize("clean", [sine(1, 50), sine(1, 997, 1.0), noise(1), sine(1, 30, 0.001)])
    def test_clean_sound_has_no_runs(self, clean: np.ndarray) -> None:
        assert value(score(stereo(clean)), "clipping_runs") == 0

    def test_silences_before_between_and_after(self) -> None:
        track = np.concatenate([silence(1.5), sine(2), silence(0.7), sine(1), silence(1.2), sine(1), silence(6.2)])
        readings = score(stereo(track))
        assert value(readings, "head_silence_s") == pytest.approx(1.5, abs=0.011)
        assert value(readings, "longest_gap_s") == pytest.approx(1.2, abs=0.021)
        assert value(readings, "tail_silence_s") == pytest.approx(6.2, abs=0.011)

    def test_sound_on_one_side_is_sound_and_offset_is_silence(self) -> None:
        left = np.concatenate([silence(1), sine(2)]) + 0.02
        right = np.concatenate([sine(2), silence(1)]) + 0.02
        assert value(score(stereo(left, right)), "tail_silence_s") == 0
        assert value(score(stereo(left)), "head_silence_s") == pytest.approx(1.0, abs=0.011)

    def test_a_song_without_pauses_has_none(self) -> None:
        readings = score(stereo(noise(2)))
        names = ("head_silence_s", "longest_gap_s", "tail_silence_s")
        assert [value(readings, name) for name in names] == [0, 0, 0]


class TestHolesAndEnds:
    LINES = (2.0, 6.0, 10.0, 30.0)

    def gap(self, track: np.ndarray, lines: tuple[float, ...] = LINES) -> Reading:
        audio = stereo(track)
        brief = Brief(length_s=audio.duration_s, line_starts_s=lines)
        return TechnicalScorer().score(audio, brief)["sung_gap_s"]

    @pytest.mark.slow
    def test_silence_counts_only_where_a_line_should_be_sung(self) -> None:
        between = np.concatenate([sine(14), silence(10), sine(16)])
        assert self.gap(between) == Measured(0.0)
        across = np.concatenate([sine(4), silence(4.2), sine(31.8)])
        reading = self.gap(across)
        assert isinstance(reading, Measured)
        assert reading.value == pytest.approx(4.2, abs=0.03)
        assert [round(window.start_s, 1) for window in reading.windows] == [4.0]

    @pytest.mark.slow
    def test_a_line_is_taken_to_be_sung_for_four_seconds(self) -> None:
        reading = self.gap(np.concatenate([sine(12.5), silence(15), sine(12.5)]))
        assert isinstance(reading, Measured)
        assert reading.value == pytest.approx(1.5, abs=0.03)

    def test_an_instrumental_has_no_holes(self) -> None:
        reading = self.gap(sine(5), ())
        assert isinstance(reading, NotMeasurable)
        assert reading.is_not_stated

    def test_an_end_that_is_cut_off_is_loud(self) -> None:
        cut = score(stereo(sine(3, amplitude=0.1)))
        assert value(cut, "ending_dbfs") == pytest.approx(-23.0, abs=0.1)
        padded = score(stereo(np.append(sine(3, amplitude=0.1), silence(2))))
        assert value(padded, "ending_dbfs") == pytest.approx(-23.0, abs=0.1)
        faded = score(stereo(sine(3) * np.exp(-4 * np.arange(3 * RATE) / RATE)))
        assert value(faded, "ending_dbfs") < -50

    @pytest.mark.slow
    def test_clipping_is_told_by_the_second_and_where(self) -> None:
        track = np.concatenate([sine(10, 100, 0.9), np.clip(sine(10, 100, 1.5), -1, 1)])
        reading = score(stereo(track))["clipping_runs_per_s"]
        assert isinstance(reading, Measured)
        assert reading.value == pytest.approx(200, rel=0.01)
        assert [(window.start_s, round(window.value)) for window in reading.windows] == [(0.0, 0), (10.0, 400)]


class TestStereo:
    @pytest.mark.parametrize(
        ("left", "right", "correlation", "loss_lu"),
        [
            (noise(4), noise(4), 1.0, 0.0),
            (noise(4), noise(4, seed=2), 0.0, 3.01),
            (noise(4), silence(4), 0.0, 3.01),
            (noise(4), noise(4) * 0.5, 1.0, 0.46),
            (noise(4), noise(4) * -0.5, -1.0, 10.0),
        ],
    )
    def test_correlation_and_what_mono_loses(
        self, left: np.ndarray, right: np.ndarray, correlation: float, loss_lu: float
    ) -> None:
        readings = score(stereo(left, right))
        assert value(readings, "stereo_correlation") == pytest.approx(correlation, abs=0.02)
        assert value(readings, "mono_loss_lu") == pytest.approx(loss_lu, abs=0.05)

    @pytest.mark.parametrize(
        ("left", "right", "side_mid_db"),
        [
            (noise(4), noise(4), -120.0),
            (noise(4), noise(4) + noise(4, 0.0001, seed=2), -66.0),
            (noise(4), noise(4, seed=2), 0.0),
            (noise(4), silence(4), 0.0),
            (noise(4), -noise(4), 120.0),
        ],
    )
    def test_how_much_the_channels_differ(self, left: np.ndarray, right: np.ndarray, side_mid_db: float) -> None:
        assert value(score(stereo(left, right)), "side_mid_db") == pytest.approx(side_mid_db, abs=0.3)

    @pytest.mark.slow
    def test_mono_loss_is_told_by_the_window(self) -> None:
        left = noise(20)
        right = np.concatenate([left[: 10 * RATE], noise(10, seed=2)])
        reading = score(stereo(left, right))["mono_loss_lu"]
        assert isinstance(reading, Measured)
        assert [round(window.value, 1) for window in reading.windows] == [0.0, 3.0]

    def test_anti_phase_cancels(self) -> None:
        readings = score(stereo(sine(3), -sine(3)))
        assert value(readings, "stereo_correlation") == pytest.approx(-1.0)
        assert "cancel" in reason(readings, "mono_loss_lu")

    def test_silent_seconds_do_not_count(self) -> None:
        readings = score(stereo(np.concatenate([silence(3), sine(2)])))
        reading = readings["stereo_correlation"]
        assert isinstance(reading, Measured)
        assert [(window.start_s, window.end_s) for window in reading.windows] == [(3, 4), (4, 5)]

    def test_mono_has_no_stereo_image(self) -> None:
        readings = score(Audio.of(sine(3), RATE))
        assert reason(readings, "stereo_correlation") == reason(readings, "mono_loss_lu") == "it is mono"


class TestLengthAndLife:
    @pytest.mark.parametrize("asked_s", [2.5, 3.0, 4.25])
    def test_length_off_by(self, asked_s: float) -> None:
        assert value(score(stereo(sine(3)), asked_s), "duration_error_s") == pytest.approx(abs(3 - asked_s))

    def test_dead_seconds_count_against_it(self) -> None:
        half = np.concatenate([sine(4, amplitude=0.5), sine(4, amplitude=0.5 * 10 ** (-40 / 20))])
        assert value(score(stereo(half)), "alive_ratio") == 0.5
        quieter = np.concatenate([sine(4, amplitude=0.5), sine(4, amplitude=0.5 * 10 ** (-20 / 20))])
        assert value(score(stereo(quieter)), "alive_ratio") == 1.0


class TestNothingToRead:
    def test_silence_says_so_everywhere(self) -> None:
        readings = score(stereo(silence(5)))
        measured = {name for name, reading in readings.items() if isinstance(reading, Measured)}
        assert measured == {"nonfinite_samples", "duration_error_s"}
        assert reason(readings, "alive_ratio") == "the audio is silent throughout"

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_one_bad_sample_spoils_the_rest_and_is_counted(self, bad: float) -> None:
        samples = sine(2)
        samples[777] = bad
        readings = score(stereo(samples, sine(2)))
        assert value(readings, "nonfinite_samples") == 1
        assert reason(readings, "integrated_lufs") == "1 samples are not finite numbers"
        assert reason(readings, "bandwidth_hz") == "1 samples are not finite numbers"

    def test_a_short_clip_has_levels_but_no_loudness(self) -> None:
        readings = score(stereo(sine(0.2)))
        assert value(readings, "sample_peak_dbfs") == pytest.approx(-6.02, abs=0.01)
        assert "400 ms" in reason(readings, "integrated_lufs")
        assert "400 ms" in reason(readings, "plr_db")
        assert "no whole second" in reason(readings, "stereo_correlation")

    def test_no_samples_at_all(self) -> None:
        readings = score(Audio.of(np.zeros((2, 0)), RATE), 3.0)
        assert reason(readings, "sample_peak_dbfs") == "there are no samples"
        assert value(readings, "duration_error_s") == 3.0

    def test_absurd_levels_are_refused(self) -> None:
        assert "times full scale" in reason(score(stereo(sine(1, amplitude=1e30))), "integrated_lufs")


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 3), st.integers(0, 9000)),
        elements=st.floats(allow_nan=True, allow_infinity=True, width=32),
        fill=st.sampled_from([0.0, 1e-30, 0.25]).map(np.float32),
    ),
    st.sampled_from([8000, 44100, 96000]),
)
def test_any_audio_gives_finite_numbers_or_reasons(samples: np.ndarray, rate: int) -> None:
    readings = score(Audio(samples, rate))
    assert list(readings) == [spec.name for spec in TECHNICAL]
    for reading in readings.values():
        if isinstance(reading, Measured):
            assert math.isfinite(reading.value)
            assert all(math.isfinite(window.value) for window in reading.windows)
        else:
            assert reading.reason
