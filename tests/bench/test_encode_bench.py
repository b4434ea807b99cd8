"""How long each deliverable of a song of 95 s takes."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tasks.audio.audio import Audio
from tasks.audio.files import write_wav
from tasks.delivery.curves import draw_curves
from tasks.delivery.encode import DELIVERABLES, encode
from tasks.delivery.tags.tags import TrackTags

RATE, LENGTH_S = 44_100, 95
TAGS = TrackTags(
    title="Last Bus Home", artist="Ada Vale", album="Night Bus", album_artist="Ada Vale", position=1, total=3
)


@pytest.fixture(scope="module")
def song() -> Audio:
    t = np.arange(RATE * LENGTH_S) / RATE
    noise = np.random.Generator(np.random.PCG64(1)).normal(size=(2, t.size)) * 0.05
    return Audio.of(noise + np.sin(2 * np.pi * 220 * t) * 0.3, RATE)


@pytest.mark.parametrize("kind", sorted(DELIVERABLES))
def test_encode(benchmark: BenchmarkFixture, kind: str, song: Audio, tmp_path: Path) -> None:
    master = tmp_path / "master.wav"
    write_wav(master, song, subtype="PCM_24")
    destination = tmp_path / f"track{DELIVERABLES[kind].suffix}"
    benchmark.pedantic(
        encode, args=(kind, master, destination), kwargs={"tags": TAGS, "cover": None, "dither_seed": 1}, rounds=3
    )
    assert destination.stat().st_size > 1_000_000


def test_curves(benchmark: BenchmarkFixture, song: Audio) -> None:
    assert len(benchmark.pedantic(draw_curves, args=(song,), rounds=3).peaks) == 800
