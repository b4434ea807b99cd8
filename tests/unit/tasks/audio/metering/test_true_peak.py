"""The true-peak meter against EBU Tech 3341, plain 8x oversampling, and the edges."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.selection.metrics import Measured, NotMeasurable, Reading
from tasks.audio.audio import Audio
from tasks.audio.metering.true_peak import BLOCK, sample_peak_dbfs, true_peak_dbtp
from tests.support.signals.ebu import burst, music_like, tapered

RATES = (44100, 48000, 96000)


def value(reading: Reading) -> float:
    assert isinstance(reading, Measured), reading
    return reading.value


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    ("divisor", "degrees", "amplitude", "expected"),
    [(4, 0, 0.5, -6), (4, 45, 0.5, -6), (6, 60, 0.5, -6), (8, 67.5, 0.5, -6), (4, 45, 1.41, 3)],
    ids=["case 15", "case 16", "case 17", "case 18", "case 19"],
)
def test_ebu_3341_tones(rate: int, divisor: float, degrees: float, amplitude: float, expected: float) -> None:
    read = value(true_peak_dbtp(tapered(divisor, degrees, amplitude, rate)))
    assert expected - 0.4 <= read <= expected + 0.2


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("offset", range(4), ids=["case 20", "case 21", "case 22", "case 23"])
def test_ebu_3341_bursts(rate: int, offset: int) -> None:
    assert -0.4 <= value(true_peak_dbtp(burst(offset, rate))) <= 0.2


def oversampled_whole(audio: Audio) -> float:
    """Exactly, by the spectrum of the whole."""
    padded = np.pad(audio.samples.astype(np.float64), ((0, 0), (4096, 4096)))
    return float(20 * np.log10(np.abs(scipy.signal.resample(padded, padded.shape[1] * 8, axis=1)).max()))


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), frames=st.integers(1, 3 * BLOCK), drive=st.floats(0.1, 20))
def test_reads_what_oversampling_the_whole_reads(seed: int, frames: int, drive: float) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    audio = Audio.of(np.clip(drive * rng.standard_normal((2, frames)), -1, 1), 44100)
    assert value(true_peak_dbtp(audio)) == pytest.approx(oversampled_whole(audio), abs=0.6)


@pytest.mark.slow
def test_reads_music_as_oversampling_the_whole_does() -> None:
    audio = music_like(5, 44100, 5)
    assert value(true_peak_dbtp(audio)) == pytest.approx(oversampled_whole(audio), abs=0.005)


@pytest.mark.parametrize("position", [0, BLOCK - 1, BLOCK, 2 * BLOCK - 1, 2 * BLOCK, 2 * BLOCK + 999])
def test_finds_a_peak_at_the_seam_of_two_blocks_and_at_the_ends(position: int) -> None:
    line = np.zeros(2 * BLOCK + 1001)
    line[position : position + 2] = 0.5
    # two equal neighbours: the sinc between them peaks at 4/pi of their height
    assert value(true_peak_dbtp(Audio.of(line, 44100))) == pytest.approx(20 * np.log10(2 / np.pi), abs=0.06)


def test_never_reads_less_than_the_sample_peak() -> None:
    rng = np.random.Generator(np.random.PCG64(1))
    audio = Audio.of(rng.choice([-1.0, 1.0], (1, 5000)), 44100)
    assert value(true_peak_dbtp(audio, 2)) >= value(sample_peak_dbfs(audio)) == 0.0
    assert value(true_peak_dbtp(audio, 16)) >= value(true_peak_dbtp(audio, 8)) >= value(true_peak_dbtp(audio, 2))


@pytest.mark.parametrize("samples", [np.zeros((2, 100)), np.zeros((1, 0)), np.array([0.0, np.nan]), np.array([np.inf])])
def test_what_has_no_peak_says_why(samples: np.ndarray) -> None:
    for reading in (true_peak_dbtp(Audio.of(samples, 44100)), sample_peak_dbfs(Audio.of(samples, 44100))):
        assert isinstance(reading, NotMeasurable)
        assert reading.reason


def test_oversampling_is_even() -> None:
    with pytest.raises(ValueError, match="even"):
        true_peak_dbtp(Audio.of(np.ones(10), 44100), 3)
