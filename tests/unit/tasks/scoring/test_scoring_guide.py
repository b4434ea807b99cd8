"""The scorers on what they will hear first: guide tracks, whose tempo and key are stated and kept."""

from __future__ import annotations

import pytest

from catalog.album.album import Song
from catalog.common.settings import Settings
from catalog.lyrics.lrc import parse_lrc
from catalog.selection.decide import CandidateReadings, Policy, decide
from catalog.selection.metrics import Measured, Reading
from tasks.engines.base import Renderer, RenderJob, RenderResult
from tasks.engines.guide.engine import GuideEngine
from tasks.scoring.base import Brief
from tasks.scoring.registry import load_scorers, metric_specs

pytestmark = pytest.mark.slow

LENGTH_S = 40.0
LYRICS = "\n".join(f"[00:{second}.00]Walking home along the river" for second in range(10, 34, 4))


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return GuideEngine(Settings()).load()


def song(bpm: float, key: str) -> Song:
    return Song(
        id="river",
        position=1,
        title="River",
        artist="Ada Vale",
        lyrics=parse_lrc(LYRICS, length_s=LENGTH_S),
        prompt="indie pop",
        reference=None,
        reference_digest=None,
        bpm=bpm,
        key=key,
        language="en",
        length_s=LENGTH_S,
        engine="guide",
        settings={},
        seeds=(1,),
    )


@pytest.mark.parametrize(("bpm", "key", "seed"), [(96.0, "C major", 2), (118.5, "D minor", 2), (141.0, "Ab major", 3)])
def test_a_guide_track_meets_its_tempo_and_key_and_passes_every_gate(
    renderer: Renderer, bpm: float, key: str, seed: int
) -> None:
    (rendered,) = renderer.render([RenderJob(GuideEngine(Settings()).recipe(song(bpm, key), seed))])
    assert isinstance(rendered, RenderResult)
    brief = Brief(length_s=LENGTH_S, bpm=bpm, key=key)
    readings: dict[str, Reading] = {}
    for scorer in load_scorers():
        readings |= scorer.score(rendered.audio, brief)
    assert readings["tempo_match"] == Measured(1.0)
    assert readings["key_match"] == Measured(1.0)
    decision = decide(Policy(), [CandidateReadings("c1", seed, 0, readings)], metric_specs())
    assert decision.winner == "c1", decision.reasons
