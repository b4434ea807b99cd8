"""How long measuring and mastering a song of 95 s takes on one core."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from catalog.album.mastering import MasteringSpec
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio, write_wav
from tasks.audio.metering.loudness import measure_loudness
from tasks.audio.metering.true_peak import true_peak_dbtp
from tasks.mastering.chain import master_file

RATE = 44100
DURATION_S = 95


@pytest.fixture(scope="module")
def song() -> Audio:
    """Beats over coloured noise, with soft and loud passages."""
    rng = np.random.Generator(np.random.PCG64(1))
    time = np.arange(DURATION_S * RATE) / RATE
    beat = time % 0.5
    line = np.sin(2 * np.pi * 55 * beat) * np.exp(-8 * beat) + 0.2 * np.sin(2 * np.pi * 220 * time)
    lines = 0.5 * line + 0.05 * rng.standard_normal((2, len(time)))
    return Audio.of(lines * np.where(time % 24 < 8, 0.4, 1.0), RATE)


def test_loudness(benchmark: BenchmarkFixture, song: Audio) -> None:
    benchmark(measure_loudness, song)


def test_true_peak(benchmark: BenchmarkFixture, song: Audio) -> None:
    benchmark(true_peak_dbtp, song)


def test_write_and_read_24_bits(benchmark: BenchmarkFixture, song: Audio, tmp_path: Path) -> None:
    def there_and_back() -> Audio:
        write_wav(tmp_path / "song.wav", song, subtype="PCM_24")
        return read_audio(tmp_path / "song.wav")

    assert benchmark(there_and_back).frames == song.frames


@pytest.mark.parametrize("profile", ["streaming", "loud"])
def test_master(benchmark: BenchmarkFixture, song: Audio, tmp_path: Path, profile: str) -> None:
    spec = MasteringSpec.model_validate({"profile": profile})
    benchmark(master_file, song, tmp_path / "master.wav", spec=spec)
