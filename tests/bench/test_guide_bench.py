"""How fast the guide renders a song of usual length on one core, against real time."""

from __future__ import annotations

import resource
import time

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from catalog.album.album import Song
from catalog.common.settings import Settings
from catalog.lyrics.lyrics import LyricLine, Lyrics
from tasks.engines.base import RenderJob, RenderResult
from tasks.engines.guide.engine import GuideEngine

LENGTH_S = 95.0
LINE = "Carry me home on the night bus line"


@pytest.fixture(scope="module")
def song() -> Song:
    """95 s with sixteen lines."""
    return Song(
        id="bench",
        position=1,
        title="Bench",
        artist="Ada Vale",
        lyrics=Lyrics(tuple(LyricLine(10.0 + 4.5 * index + index // 4 * 3, LINE) for index in range(16))),
        prompt="indie pop",
        reference=None,
        reference_digest=None,
        bpm=96.0,
        key="A minor",
        language="en",
        length_s=LENGTH_S,
        engine="guide",
        settings={},
        seeds=(1,),
    )


def test_guide_95_s(benchmark: BenchmarkFixture, song: Song) -> None:
    engine = GuideEngine(Settings())
    renderer = engine.load()
    recipe = engine.recipe(song, 1)
    began_s = time.process_time()
    next(renderer.render([RenderJob(recipe)]))
    cpu_s = time.process_time() - began_s
    (made,) = benchmark(lambda: list(renderer.render([RenderJob(recipe)])))
    assert isinstance(made, RenderResult)
    assert made.audio.duration_s == LENGTH_S
    if benchmark.stats is not None:
        benchmark.extra_info["times_real_time"] = round(LENGTH_S / benchmark.stats.stats.min, 1)
        benchmark.extra_info["times_real_time_of_cpu"] = round(LENGTH_S / cpu_s, 1)
        benchmark.extra_info["peak_process_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
