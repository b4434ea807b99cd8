"""The mean that dynamics leave: gone to the last digit, at any length, and nothing where nothing sounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.album.mastering import Limiting
from tasks.mastering.analysis.admission import loudness_or_refusal
from tasks.mastering.processors.limiter import Limiter
from tasks.mastering.processors.offset import without_offset
from tests.support.signals.mastering import RATE, audio, saw_bass


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), frames=st.integers(0, 9000), offset=st.floats(-0.05, 0.05))
def test_the_mean_goes_and_the_ends_stay(seed: int, frames: int, offset: float) -> None:
    lines = np.random.Generator(np.random.PCG64(seed)).uniform(-0.5, 0.5, (2, frames)) + offset
    sound = audio(lines)
    means = np.abs(sound.samples.mean(axis=1, dtype=np.float64)) if frames else np.zeros(2)
    ends = sound.samples[:, [0, -1]].copy() if frames else None
    taken = without_offset(sound)
    if frames > 128:  # the course needs a point between its ends
        assert np.abs(sound.samples.mean(axis=1, dtype=np.float64)).max() < 1e-7
        assert taken == pytest.approx(means.max())
    else:
        assert taken == 0
    if ends is not None:
        assert np.array_equal(sound.samples[:, [0, -1]], ends)


def test_silence_before_and_soon_after_stays_silent() -> None:
    lines = np.zeros((2, 4 * RATE))
    lines[0, RATE : 2 * RATE] = 0.5 + 0.2 * np.sin(np.arange(RATE) / 9)
    sound = audio(lines)
    assert without_offset(sound) == pytest.approx(0.125, abs=0.01)
    assert not sound.samples[:, : RATE - 64].any()
    assert np.abs(sound.samples[0, round(2.6 * RATE) :]).max() < 2**-24
    assert not sound.samples[1].any()


@pytest.mark.slow
def test_loudness_still_never_falls_with_drive() -> None:
    limiter = Limiter(audio(saw_bass(4)), Limiting())

    def loudness(drive_db: float) -> float:
        rendered = limiter.render(drive_db, -1.0)
        without_offset(rendered)
        return loudness_or_refusal(rendered)

    assert min(np.diff([loudness(drive) for drive in range(0, 22, 3)])) > -1e-3
