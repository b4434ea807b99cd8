"""The meter against libebur128, an implementation by other hands, on music-like and random signals."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from catalog.selection.metrics import Measured, Reading
from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import measure_loudness
from tasks.audio.metering.true_peak import true_peak_dbtp
from tests.support.services.processes import not_tested
from tests.support.signals.ebu import music_like

pytestmark = pytest.mark.slow


def value(reading: Reading) -> float:
    assert isinstance(reading, Measured), reading
    return reading.value


@pytest.fixture(scope="module")
def library() -> Any:
    try:
        return importlib.import_module("pyebur128")
    except ImportError:
        return not_tested("pyebur128 has no wheel for this Python")


def other_reading(library: Any, audio: Audio) -> tuple[float, float, float]:
    """Integrated loudness, range and true peak (4x oversampling below 96 kHz, 2x from there) by libebur128."""
    modes = library.MeasurementMode
    state = library.R128State(audio.channels, audio.rate, modes.MODE_I | modes.MODE_LRA | modes.MODE_TRUE_PEAK)
    state.add_frames(np.ascontiguousarray(audio.samples.T).reshape(-1), audio.frames)
    peak = max(library.get_true_peak(state, channel) for channel in range(audio.channels))
    return library.get_loudness_global(state), library.get_loudness_range(state), 20 * np.log10(peak)


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
@pytest.mark.parametrize("gain", [1.0, 4.0])
def test_music_like(library: Any, rate: int, gain: float) -> None:
    audio = music_like(12.05, rate, seed=2)
    audio = Audio(np.clip(audio.samples * np.float32(gain), -0.9, 0.9), rate)
    read, (lufs, spread_lu, peak_dbtp) = measure_loudness(audio), other_reading(library, audio)
    # the highs of its K filter lie 0.02 dB lower at 96 kHz
    assert value(read.integrated_lufs) == pytest.approx(lufs, abs=0.03)
    # libebur128 takes a short-term value each second only, this meter ten
    assert value(read.loudness_range_lu) == pytest.approx(spread_lu, abs=0.3)
    if rate < 96000:
        assert value(true_peak_dbtp(audio)) == pytest.approx(peak_dbtp, abs=0.2)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    rate=st.sampled_from([44100, 48000]),
    channels=st.integers(1, 2),
    duration_s=st.floats(0.4, 5),
    level_db=st.floats(-50, 10),
    tilt=st.floats(0, 0.99),
)
def test_random_signals(
    library: Any, seed: int, rate: int, channels: int, duration_s: float, level_db: float, tilt: float
) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    halved = rng.standard_normal((channels, round(duration_s * rate / 2) + 1))
    # nothing above a quarter of the rate, where peaks between samples are the 4x filter's own affair
    white = soxr.resample(halved.T, rate / 2, rate, quality="VHQ").T
    dull = lfilter([1 - tilt], [1, -tilt], white)
    edge = np.arange(white.shape[1]) / (0.01 * rate)
    dull *= np.minimum(1, np.minimum(edge, edge[::-1]))  # libebur128 does not hear what rings on after a cut
    swells = 10 ** (np.repeat(rng.uniform(-30, 0, white.shape[1] // 5000 + 1), 5000)[: white.shape[1]] / 20)
    swells = lfilter([0.02], [1, -0.98], swells)
    audio = Audio.of(10 ** (level_db / 20) * swells * dull, rate)
    read, (lufs, _, peak_dbtp) = measure_loudness(audio).integrated_lufs, other_reading(library, audio)
    if np.isfinite(lufs) and lufs > -69:
        assert value(read) == pytest.approx(lufs, abs=0.1)
    assert value(true_peak_dbtp(audio)) == pytest.approx(peak_dbtp, abs=0.2)
