"""How long scoring one candidate of usual length takes on one core."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tasks.audio.audio import Audio
from tasks.scoring.base import Brief
from tasks.scoring.registry import load_scorers

RATE = 44100
LENGTH_S = 95


@pytest.fixture(scope="module")
def candidate() -> Audio:
    """95 s of stereo: beats, tones and a little noise."""
    rng = np.random.Generator(np.random.PCG64(1))
    t = np.arange(LENGTH_S * RATE) / RATE
    beat = np.exp(-12 * (t % 0.5)) * np.sin(2 * np.pi * 60 * t)
    tones = sum(np.sin(2 * np.pi * hz * t) for hz in (110.0, 220.0, 277.2, 329.6, 440.0))
    mix = 0.4 * beat + 0.05 * tones + 0.01 * rng.standard_normal((2, len(t)))
    return Audio.of(mix, RATE)


@pytest.mark.parametrize("at", range(2), ids=["technical", "adherence"])
def test_scoring_95_s(benchmark: BenchmarkFixture, candidate: Audio, at: int) -> None:
    scorer = load_scorers()[at]
    brief = Brief(length_s=LENGTH_S, bpm=120.0, key="A major")
    readings = benchmark(scorer.score, candidate, brief)
    assert len(readings) == len(scorer.metrics)
