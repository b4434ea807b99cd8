"""Both members keep their contract on music of any level and width, and do what they are named for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.common.errors import AudioRefused, InputError
from catalog.selection.metrics import Measured
from tasks.audio.audio import Audio
from tasks.audio.metering.true_peak import true_peak_dbtp
from tasks.enhancement.contract import examine, require
from tasks.enhancement.names import ENHANCERS
from tasks.enhancement.registry import PATHS, enhancer
from tasks.enhancement.step import enhanced_by
from tasks.scoring.measures.spectrum import spectral_readings
from tests.support.signals.enhancement import RATE, high_passed, low_passed, music

MEMBERS = sorted(ENHANCERS)
N = np.arange(2 * RATE)


def bandwidth_hz(audio: Audio) -> float:
    reading = spectral_readings(audio).bandwidth_hz
    assert isinstance(reading, Measured)
    return reading.value


def peak_db(audio: Audio) -> float:
    reading = true_peak_dbtp(audio)
    assert isinstance(reading, Measured)
    return reading.value


def rms_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-30))


def test_names_and_revisions_are_those_of_the_members() -> None:
    assert {name: enhancer(name).revision for name in PATHS} == dict(ENHANCERS)
    assert all(enhancer(name).name == name for name in PATHS)
    with pytest.raises(InputError, match="no enhancement 'glow'"):
        enhancer("glow")


@pytest.mark.slow
@settings(deadline=None, max_examples=15)
@given(
    member=st.sampled_from(MEMBERS),
    level_db=st.floats(-45, 25),
    width=st.floats(0, 1.5),
    seed=st.integers(0, 10_000),
    duration_s=st.floats(0.4, 3),
    rate=st.sampled_from([32_000, 44_100, 48_000]),
)
def test_the_contract_holds(
    member: str, level_db: float, width: float, seed: int, duration_s: float, rate: int
) -> None:
    source = music(level_db=level_db, width=width, seed=seed, duration_s=duration_s, rate=rate)
    made = enhanced_by(enhancer(member), source)
    assert all(clause.kept for clause in made.clauses)
    assert not np.array_equal(made.audio.samples, source.samples)


HARD: dict[str, np.ndarray] = {
    "impulses": np.where(N % 22050 == 0, 0.9, 0.0),
    "DC": music().samples + 0.4,
    "clipped": np.clip(8 * music().samples, -1, 1),
    "anti-phase": music(width=0).samples * [[1], [-1]],
    "hard left": music().samples * [[1], [0]],
    "mono file": music().samples[:1],
    "white noise": 0.1 * np.random.Generator(np.random.PCG64(2)).standard_normal((2, len(N))),
    "tone": 0.5 * np.sin(2 * np.pi * 997 / RATE * N),
    "fs/4 tone": 0.5 * np.sin(np.pi / 2 * N + np.pi / 4),
    "half silence": np.pad(music().samples, ((0, 0), (0, 2 * RATE))),
    "panned bursts": np.stack([high_passed(music(), 3000)[0] * (RATE < N), 0.1 * high_passed(music(seed=3), 3000)[1]]),
}


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("member", MEMBERS)
def test_the_contract_holds_at_the_extremes(member: str, name: str) -> None:
    source = Audio.of(HARD[name], RATE)
    enhanced_by(enhancer(member), source)


@pytest.mark.parametrize("member", MEMBERS)
def test_channels_are_handled_together(member: str) -> None:
    source = music(width=0.8)
    enhanced = enhancer(member).enhance(source).samples
    swapped = enhancer(member).enhance(Audio.of(source.samples[::-1], RATE)).samples
    assert np.abs(swapped[::-1] - enhanced).max() < 1e-6
    mono = enhancer(member).enhance(music(width=0)).samples
    assert np.array_equal(mono[0], mono[1])


@pytest.mark.slow
@pytest.mark.parametrize("member", MEMBERS)
def test_the_same_audio_gives_the_same_samples_and_another_level_the_same_sound(member: str) -> None:
    source = music()
    enhanced = enhancer(member).enhance(source).samples
    assert np.array_equal(enhancer(member).enhance(source).samples, enhanced)
    softer = enhancer(member).enhance(Audio(source.samples * np.float32(0.01), RATE)).samples
    assert rms_db(100 * softer - enhanced) < rms_db(enhanced) - 60


@pytest.mark.slow
@pytest.mark.parametrize("member", MEMBERS)
def test_the_true_peak_hardly_grows(member: str) -> None:
    for source in (music(), music(width=1.5, seed=5), Audio.of(HARD["impulses"], RATE)):
        assert peak_db(enhancer(member).enhance(source)) <= peak_db(source) + 0.5


@pytest.mark.slow
def test_air_fills_what_a_narrow_source_lacks_and_says_from_where_to_where() -> None:
    source = low_passed(music(duration_s=4), 9500)
    made = enhanced_by(enhancer("air"), source)
    assert made.bounds.generated_hz == (10_000, 20_000)
    assert bandwidth_hz(source) < 12_000 < 15_000 < bandwidth_hz(made.audio) <= 20_500
    gained_db = rms_db(high_passed(made.audio, 12_000)) - rms_db(high_passed(low_passed(made.audio, 9500), 5_000))
    assert -45 < gained_db < -6


def test_air_adds_the_second_harmonic_and_nothing_that_folds_back() -> None:
    source = Audio.of(0.25 * np.sin(2 * np.pi * 8000 / RATE * N), RATE)
    enhanced = enhancer("air").enhance(source).samples[0]
    spectrum = np.abs(np.fft.rfft(enhanced * np.blackman(len(enhanced))))
    levels_db = 20 * np.log10(spectrum / spectrum.max() + 1e-12)
    hz = np.fft.rfftfreq(len(enhanced), 1 / RATE)
    assert -24 < levels_db[np.abs(hz - 16_000) < 20].max() < -12
    assert levels_db[(np.abs(hz - 8_000) > 300) & (np.abs(hz - 16_000) > 300)].max() < -90


def test_air_gives_a_difference_signal_its_shelf_alone() -> None:
    source = Audio.of(HARD["anti-phase"], RATE)
    enhanced = enhancer("air").enhance(source).samples
    assert np.array_equal(enhanced[0], -enhanced[1])
    lifted_db = rms_db(high_passed(Audio.of(enhanced, RATE), 13_000)) - rms_db(high_passed(source, 13_000))
    assert 0.5 < lifted_db < 1.6


@pytest.mark.slow
def test_basic_takes_rumble_away_and_leaves_the_lowest_bass_note() -> None:
    rumble, note = (np.sin(2 * np.pi * hz / RATE * np.arange(8 * RATE)) for hz in (8.0, 31.0))
    music_alone = music(duration_s=8).samples
    source = Audio.of(music_alone + 0.2 * rumble + 0.2 * note + 0.1, RATE)
    enhanced = enhancer("basic").enhance(source).samples[0]
    window = np.blackman(len(enhanced))

    def level_db(line: np.ndarray, hz: float) -> float:
        at = round(hz * len(line) / RATE)
        return float(20 * np.log10(np.abs(np.fft.rfft(line * window))[at - 2 : at + 3].max() + 1e-9))

    gain_db = level_db(enhanced, 31.0) - level_db(source.samples[0], 31.0)
    assert abs(gain_db) < 0.5
    assert level_db(enhanced, 8.0) < level_db(source.samples[0], 8.0) - 50
    assert abs(float(enhanced.mean())) < 1e-4


def test_basic_evens_out_what_lies_above_its_cutoff() -> None:
    rng = np.random.Generator(np.random.PCG64(4))
    bursts = np.where((np.arange(4 * RATE) // (RATE // 4)) % 2, 1.0, 0.25)
    source = Audio.of(0.1 * bursts * high_passed(Audio.of(rng.standard_normal((2, 4 * RATE)), RATE), 4000), RATE)
    tone = 0.3 * np.sin(2 * np.pi * 200 / RATE * np.arange(4 * RATE))
    enhanced = enhancer("basic").enhance(Audio.of(source.samples + tone, RATE))
    upper = high_passed(enhanced, 4000)

    def spread_db(lines: np.ndarray) -> float:
        powers = np.square(lines).reshape(2, -1, RATE // 20).mean(axis=(0, 2))
        return float(10 * np.log10(np.percentile(powers, 90) / np.percentile(powers, 10)))

    assert 0.3 < spread_db(source.samples) - spread_db(upper) <= 4.0


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize(
    ("reason", "samples"),
    [
        ("invalid", np.zeros((2, 0))),
        ("invalid", np.full((2, RATE), np.nan)),
        ("invalid", np.ones((3, RATE))),
        ("too_short", 0.1 * np.ones((2, RATE // 3))),
        ("silent", np.zeros((2, RATE))),
    ],
)
def test_what_cannot_be_enhanced_is_refused(member: str, reason: str, samples: np.ndarray) -> None:
    with pytest.raises(AudioRefused) as caught:
        enhancer(member).enhance(Audio.of(samples, RATE))
    assert caught.value.reason == reason


@pytest.mark.parametrize(("member", "rate"), [("air", 24_000), ("basic", 8_000)])
def test_a_rate_without_room_is_refused(member: str, rate: int) -> None:
    with pytest.raises(AudioRefused, match="or more, this is"):
        enhancer(member).enhance(music(rate=rate))


@pytest.mark.slow
def test_a_member_leaves_its_input_alone() -> None:
    source = music()
    copy = source.samples.copy()
    for member in MEMBERS:
        require(examine(source, enhancer(member).enhance(source), bounds=enhancer(member).bounds(RATE)), member=member)
    assert np.array_equal(source.samples, copy)
