"""The limiter alone: it holds its ceiling, is the identity below it, and never gets softer when driven harder."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.album.mastering import Limiting
from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import integrated_lufs
from tasks.audio.metering.true_peak import true_peak_dbtp
from tasks.mastering.analysis.admission import loudness_or_refusal
from tasks.mastering.finalise import LoudnessModel
from tasks.mastering.processors.limiter import Limiter
from tests.support.signals.mastering import RATE, audio, noise, song


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    frames=st.integers(1, 20000),
    drives=st.tuples(st.floats(-20, 40), st.floats(-20, 40)),
    release=st.floats(5, 1000),
    lookahead=st.floats(0.5, 20),
)
def test_every_sample_grows_with_drive_and_stays_under_the_ceiling(
    seed: int, frames: int, drives: tuple[float, float], release: float, lookahead: float
) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    bursts = rng.standard_normal((2, frames)) * rng.uniform(0, 1, frames) ** 8
    limiter = Limiter(audio(bursts), Limiting(release_db_per_s=release, lookahead_ms=lookahead))
    softer, louder = (limiter.render(drive, -1.0).samples for drive in sorted(drives))
    assert np.all(np.abs(louder) >= np.abs(softer) * (1 - 1e-5))
    assert np.abs(louder).max() <= 10 ** (-1 / 20) * (1 + 1e-5)
    assert louder.shape == (2, frames)


@pytest.mark.slow
def test_loudness_never_falls_with_drive() -> None:
    source = audio(song(5)[:, 2 * RATE :])
    limiter = Limiter(source, Limiting())
    levels = [loudness_or_refusal(limiter.render(drive, -1.0)) for drive in range(0, 31, 3)]
    assert min(np.diff(levels)) > -1e-4
    assert levels[-1] > levels[0] + 6


@pytest.mark.parametrize("samples", [song(4), noise(-3)], ids=["song", "noise"])
def test_true_peak_is_over_by_little_before_any_margin(samples: np.ndarray) -> None:
    limited = Limiter(audio(samples), Limiting()).render(9.0, -1.0)
    reading = true_peak_dbtp(limited)
    assert -1.2 < getattr(reading, "value", np.nan) < -0.4


def test_below_the_ceiling_it_is_a_plain_gain() -> None:
    source = audio(song(2))
    limiter = Limiter(source, Limiting())
    assert np.array_equal(limiter.render(0.0, 6.0).samples, source.samples)
    half = limiter.render(-20 * np.log10(2), 6.0).samples
    assert np.allclose(half, source.samples / 2, rtol=1e-6)


def test_gain_falls_before_a_peak_and_comes_back_at_the_release_rate() -> None:
    lines = np.full((2, 4 * RATE), 0.01)
    lines[:, 2 * RATE] = 1.0
    out = Limiter(Audio.of(lines, RATE), Limiting(release_db_per_s=10, lookahead_ms=5)).render(0.0, -12.0).samples[0]
    gain_db = 20 * np.log10(out / np.float32(0.01))
    assert np.all(gain_db[: 2 * RATE - round(0.011 * RATE)] == 0)
    assert gain_db[2 * RATE - 8] == pytest.approx(-12, abs=0.5)
    half_second_on = gain_db[2 * RATE + RATE // 2]
    assert half_second_on == pytest.approx(-12 + 5, abs=0.5)
    assert np.all(np.diff(gain_db[2 * RATE + 400 :]) > -1e-4)


@pytest.mark.parametrize("drive", [-10.0, 3.0, 12.0])
def test_the_model_forecasts_what_a_rendering_reads(drive: float) -> None:
    source = audio(song(6))
    limiter = Limiter(source, Limiting())
    rendered = integrated_lufs(limiter.render(drive, -1.0))
    assert LoudnessModel(source, limiter).loudness(drive, -1.0) == pytest.approx(getattr(rendered, "value", 0), abs=0.1)
