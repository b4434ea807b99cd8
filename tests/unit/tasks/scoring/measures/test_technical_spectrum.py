"""The technical scorer on spectra: walls, slopes and noise."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.selection.metrics import Measured
from tasks.audio.audio import Audio
from tests.support.signals.scoring import RATE, low_passed, noise, note, place, silence, sine, stereo, times
from tests.unit.tasks.scoring.measures.technical_scores import score, value


class TestSpectrum:
    @pytest.mark.parametrize("wall_hz", [3500, 8000, 12000, 16000, 19000])
    def test_a_brick_wall_is_found(self, wall_hz: int) -> None:
        readings = score(stereo(low_passed(noise(5), wall_hz)))
        assert value(readings, "bandwidth_hz") == pytest.approx(wall_hz, abs=200)

    def test_what_leaks_past_a_wall_is_no_content(self) -> None:
        leaky = low_passed(noise(5), 11000) + noise(5, 0.1 * 10 ** (-40 / 20), seed=3)
        assert value(score(stereo(leaky)), "bandwidth_hz") == pytest.approx(11000, abs=300)

    def test_gentle_slopes_are_no_walls(self) -> None:
        spectrum = np.fft.rfft(noise(5))
        hz = np.fft.rfftfreq(5 * RATE, 1 / RATE)
        slope_db = -12 * np.log2(np.maximum(hz, 100) / 100)
        sloping = np.fft.irfft(spectrum * 10 ** (slope_db / 20), 5 * RATE)
        expected_hz = 100 * 2 ** (80 / 12)
        assert value(score(stereo(sloping)), "bandwidth_hz") == pytest.approx(expected_hz, rel=0.1)

    def test_a_wall_is_told_from_a_roll_off(self) -> None:
        walled = score(stereo(low_passed(noise(5), 16000)))
        assert value(walled, "cutoff_hz") == value(walled, "bandwidth_hz") == pytest.approx(16000, abs=200)
        hz = np.fft.rfftfreq(5 * RATE, 1 / RATE)
        slope_db = -24 * np.log2(np.maximum(hz, 4000) / 4000)
        sloping = score(stereo(np.fft.irfft(np.fft.rfft(noise(5)) * 10 ** (slope_db / 20), 5 * RATE)))
        assert value(sloping, "cutoff_hz") == RATE / 2

    def test_bandwidth_is_read_in_windows_too(self) -> None:
        reading = score(stereo(np.concatenate([noise(10), low_passed(noise(10), 9000)])))["bandwidth_hz"]
        assert isinstance(reading, Measured)
        assert [round(window.value / 1000) for window in reading.windows] == [22, 9]

    @pytest.mark.slow
    def test_partials_that_end_together_are_no_cut(self) -> None:
        pitches = (130.81, 164.81, 196.0, 246.94)
        pad = sum(sine(10, hz * k, 0.1 / k) for hz in pitches for k in range(1, 33) if hz * k < 4500)
        readings = score(stereo(pad))
        assert value(readings, "bandwidth_hz") < 5000
        assert value(readings, "cutoff_hz") == RATE / 2

    def test_a_low_rate_cuts_nothing_off_by_itself(self) -> None:
        assert value(score(Audio.of(noise(5), 22050)), "cutoff_hz") == 22050
        at_edge = low_passed(noise(5), RATE / 2 * 0.95)
        assert value(score(Audio.of(at_edge, 22050)), "cutoff_hz") == 22050

    @pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0], ids=["white", "pink", "brown"])
    @pytest.mark.parametrize("channels", [1, 2])
    def test_noise_of_any_colour_is_noise(self, exponent: float, channels: int) -> None:
        hz = np.maximum(np.fft.rfftfreq(10 * RATE, 1 / RATE), 20)
        sounds = [
            np.fft.irfft(np.fft.rfft(noise(10, seed=1 + at)) * (200 / hz) ** exponent, 10 * RATE)
            for at in range(channels)
        ]
        assert value(score(Audio.of(np.stack(sounds), RATE)), "noise_ratio") == 1.0

    @pytest.mark.slow
    def test_drums_distortion_and_pads_are_not(self) -> None:
        drums = silence(10)
        decay = np.exp(-times(0.2) * 22)
        for beat in range(20):
            place(drums, (noise(0.2, 0.3) if beat % 2 else sine(0.2, 60)) * decay, beat / 2)
            place(drums, sine(0.2, 190, 0.3) * decay * (beat % 2), beat / 2)
        chord = np.tanh(20 * np.tile(note(40, 1, 0.2) + note(47, 1, 0.2), 10) + noise(10, 0.02))
        pad = sum(sine(10, hz, 0.05) for hz in (131, 165, 196, 262)) + noise(10, 0.003)
        for music in (drums, chord, pad):
            assert value(score(stereo(music)), "noise_ratio") == 0.0

    def test_a_song_that_collapses_into_noise_is_told_by_its_share(self) -> None:
        readings = score(stereo(np.concatenate([sine(6), noise(4)])))
        assert value(readings, "noise_ratio") == pytest.approx(0.4, abs=0.11)
        assert value(readings, "spectral_flatness") < 0.1

    def test_noise_is_flat_and_tones_are_not(self) -> None:
        assert value(score(stereo(noise(2))), "spectral_flatness") > 0.5
        assert value(score(stereo(sine(2))), "spectral_flatness") < 0.01
