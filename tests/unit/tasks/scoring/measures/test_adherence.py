"""Tempo and key on tracks whose tempo and key are known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.common.errors import InputError
from catalog.selection.metrics import Measured, NotMeasurable, Reading
from tasks.audio.audio import Audio
from tasks.scoring.base import Brief
from tasks.scoring.measures.adherence import AdherenceScorer
from tasks.scoring.measures.key import Key, key_match
from tasks.scoring.measures.tempo import tempo_match
from tests.support.signals.scoring import RATE, chords, clicks, noise, silence, sine, stereo

NOTES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def score(audio: Audio, *, bpm: float | None = None, key: str | None = None) -> Mapping[str, Reading]:
    return AdherenceScorer().score(audio, Brief(length_s=audio.duration_s, bpm=bpm, key=key))


def value(reading: Reading) -> float:
    assert isinstance(reading, Measured), reading
    return reading.value


def reason(reading: Reading) -> str:
    assert isinstance(reading, NotMeasurable), reading
    return reading.reason


class TestTempo:
    @pytest.mark.parametrize("bpm", [60.0, 75.3, 96.0, 120.5, 140.0, 174.0, 200.0])
    def test_a_click_track_is_read_to_a_tenth_of_a_bpm(self, bpm: float) -> None:
        readings = score(stereo(clicks(bpm)), bpm=bpm)
        assert value(readings["tempo_bpm"]) == pytest.approx(bpm, abs=0.1)
        assert value(readings["tempo_match"]) == 1.0

    @pytest.mark.parametrize("rate", [22050, 48000])
    def test_at_any_rate(self, rate: int) -> None:
        samples = np.interp(np.arange(20 * rate) / rate, np.arange(20 * RATE) / RATE, clicks(110))
        assert value(score(Audio.of(samples, rate))["tempo_bpm"]) == pytest.approx(110, abs=0.05)

    def test_struck_chords_are_enough(self) -> None:
        readings = score(stereo(chords(9, "minor", bpm=97.0)), bpm=97.0)
        assert value(readings["tempo_match"]) == 1.0

    def test_level_is_no_matter(self) -> None:
        assert value(score(stereo(clicks(96) * 1e-4))["tempo_bpm"]) == pytest.approx(96, abs=0.05)

    @pytest.mark.parametrize("still", [noise(20), noise(95), sine(20, 220)])
    def test_what_has_no_pulse_has_no_tempo(self, still: np.ndarray) -> None:
        readings = score(stereo(still), bpm=120)
        assert "pulse" in reason(readings["tempo_bpm"])
        assert "pulse" in reason(readings["tempo_match"])

    def test_too_short(self) -> None:
        assert reason(score(stereo(clicks(120, 5)))["tempo_bpm"]) == "5.0 s is too short for a tempo, which takes 6 s"

    @pytest.mark.parametrize(
        ("heard", "expected"),
        [(96, 1), (192, 1), (48, 1), (32, 1), (288, 1), (96.1, 1), (99.84, 0.51), (92.16, 0.51), (104, 0), (144, 0)],
    )
    def test_the_match_allows_levels_but_not_drift(self, heard: float, expected: float) -> None:
        assert value(tempo_match(Measured(heard), 96)) == pytest.approx(expected, abs=0.01)

    def test_the_wrong_tempo_is_no_match(self) -> None:
        assert value(score(stereo(clicks(120)), bpm=97)["tempo_match"]) == 0.0


class TestKey:
    @pytest.mark.slow
    @pytest.mark.parametrize("mode", ["major", "minor"])
    @pytest.mark.parametrize("tonic", [0, 3, 6, 9, 11])
    def test_a_cadence_names_its_key(self, tonic: int, mode: str) -> None:
        audio = stereo(chords(tonic, mode) + np.resize(clicks(120), len(chords(tonic, mode))))
        assert value(score(audio, key=f"{NOTES[tonic]} {mode}")["key_match"]) == 1.0

    @pytest.mark.parametrize("detune", [-0.4, 0.3])
    def test_in_its_own_tuning(self, detune: float) -> None:
        assert value(score(stereo(chords(2, "minor", detune=detune)), key="D minor")["key_match"]) == 1.0

    @pytest.mark.parametrize(
        ("stated", "expected"),
        [
            ("A minor", 1.0),
            ("E minor", 0.5),
            ("D minor", 0.5),
            ("C major", 0.3),
            ("A major", 0.2),
            ("Eb major", 0.0),
            ("G major", 0.0),
            ("Bb minor", 0.0),
        ],
    )
    def test_near_keys_count_in_part(self, stated: str, expected: float) -> None:
        assert value(key_match(Key(9, "minor"), stated)) == expected

    @given(st.integers(0, 11), st.integers(0, 11), st.sampled_from(["major", "minor"]), st.integers(1, 11))
    def test_the_match_moves_with_the_tonic(self, heard: int, stated: int, mode: str, shift: int) -> None:
        def match(up: int) -> float:
            return value(key_match(Key((heard + up) % 12, "minor"), f"{NOTES[(stated + up) % 12]} {mode}"))

        assert match(0) == match(shift)

    def test_relative_works_both_ways(self) -> None:
        assert value(key_match(Key(0, "major"), "A minor")) == value(key_match(Key(9, "minor"), "C major")) == 0.3

    @pytest.mark.parametrize("still", [noise(10), silence(10)])
    def test_what_has_no_pitch_has_no_key(self, still: np.ndarray) -> None:
        assert reason(score(stereo(still), key="A minor")["key_match"])

    def test_too_short(self) -> None:
        assert "too short" in reason(score(stereo(sine(2)), key="A minor")["key_match"])

    def test_what_is_no_key_is_refused(self) -> None:
        with pytest.raises(InputError, match="not a key"):
            score(stereo(chords(0, "major")), key="H moll")


def test_what_is_not_stated_is_neither_met_nor_missed() -> None:
    readings = score(stereo(clicks(96)))
    assert isinstance(readings["tempo_bpm"], Measured)
    for name, what in (("tempo_match", "tempo"), ("key_match", "key")):
        assert readings[name] == NotMeasurable(f"no {what} is stated")
        reading = readings[name]
        assert isinstance(reading, NotMeasurable)
        assert reading.is_not_stated


def test_silence_and_broken_samples_give_reasons() -> None:
    broken = clicks(96)
    broken[5] = np.nan
    for samples in (silence(10), broken):
        readings = score(stereo(samples), bpm=96, key="A minor")
        assert all(isinstance(reading, NotMeasurable) and not reading.is_not_stated for reading in readings.values())
