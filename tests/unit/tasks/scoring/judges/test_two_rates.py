"""Judges with models hear takes of 44.1 and 48 kHz alike: each resamples what it is given to its own rate."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from catalog.selection.metrics import Measured, Reading
from tasks.audio.audio import Audio
from tasks.audio.files import resample
from tasks.scoring.base import Brief
from tasks.scoring.judges.aesthetics import AestheticsScorer
from tasks.scoring.judges.clap import ClapScorer
from tasks.scoring.just_noticeable import STEPS
from tests.support.guide_songs import guide_audio

pytestmark = pytest.mark.slow


def pair() -> tuple[Audio, Audio]:
    song = guide_audio()
    return song, resample(song, 48_000)


def assert_alike(first: Mapping[str, Reading], second: Mapping[str, Reading]) -> None:
    for name, reading in first.items():
        other = second[name]
        assert isinstance(reading, Measured)
        assert isinstance(other, Measured)
        assert reading.value == pytest.approx(other.value, abs=STEPS[name][0]), name
        spans = [[(window.start_s, window.end_s) for window in each.windows] for each in (reading, other)]
        assert spans[0] == spans[1], name


@pytest.mark.skipif(find_spec("transformers") is None, reason="NOT TESTED: the extra clap is not installed")
def test_clap(tmp_path: Path) -> None:
    from tasks.scoring.judges.clap_model import Clap
    from tests.support.tiny_judges import write_tiny_clap

    write_tiny_clap(tmp_path)
    model, (song, other) = Clap.load(tmp_path), pair()
    brief = Brief(length_s=song.duration_s, prompt="warm piano pop")
    scorer = ClapScorer(model, other)
    assert_alike(scorer.score(song, brief), scorer.score(other, brief))


@pytest.mark.skipif(find_spec("audiobox_aesthetics") is None, reason="NOT TESTED: aesthetics is not installed")
def test_aesthetics(tmp_path: Path) -> None:
    from tasks.scoring.judges.aesthetics_model import Aesthetics
    from tests.support.tiny_judges import small_aesthetics, write_tiny_aesthetics

    with small_aesthetics():
        scorer, (song, other) = AestheticsScorer(Aesthetics.load(write_tiny_aesthetics(tmp_path).parent)), pair()
        brief = Brief(length_s=song.duration_s)
        assert_alike(scorer.score(song, brief), scorer.score(other, brief))
