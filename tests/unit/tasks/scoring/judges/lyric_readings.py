"""A brief with sung lines, and what a judge reads of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec

import pytest

from catalog.selection.metrics import Measured, Reading
from tasks.audio.audio import Audio
from tasks.scoring.base import Brief
from tasks.scoring.judges.lyrics import LyricsModels, MixLyricsScorer
from tasks.scoring.judges.transcript import Phrase
from tests.support.judge_inputs import LINES, music

BRIEF = Brief(length_s=24.0, lines=LINES)
RIGHT = (Phrase(1.0, 4.0, "walking home, AGAIN!"), Phrase(6.0, 9.0, "City lights in the rain."))

needs_whisper = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("faster_whisper", "transformers", "phonemizer")),
    reason="NOT TESTED: the extra lyrics is not installed",
)


Sound = Callable[[str, str], tuple[str, ...]]


class Hears:
    """Hears in each pass what the test says, and notes what it was given."""

    def __init__(self, *passes: tuple[Phrase, ...]) -> None:
        self._passes = passes
        self.given: list[Audio] = []
        self.languages: list[str] = []

    def knows(self, language: str) -> bool:
        return language in {"en", "zh", "pt", "th", "gl", "de", "no", "jw"}

    def passes(self, audio: Audio, language: str) -> Iterator[tuple[Phrase, ...]]:
        self.given.append(audio)
        self.languages.append(language)
        yield from self._passes


def letters(text: str, language: str) -> tuple[str, ...]:
    """Phonemes in which only vowels sound different."""
    return tuple("aeiou"[("aeiou").index(c)] if c in "aeiou" else "k" for c in text.lower() if c.isalpha())


def no_sound(text: str, language: str) -> tuple[str, ...]:
    """Phonemes of a language that has none for any letter."""
    return ()


def read(ear: Hears, brief: Brief = BRIEF, audio: Audio | None = None, sound: Sound = letters) -> Mapping[str, Reading]:
    readings = MixLyricsScorer(LyricsModels(ear, sound)).score(audio or music(), brief)
    assert list(readings) == [spec.name for spec in MixLyricsScorer.metrics]
    return readings


def value(reading: Reading) -> float:
    assert isinstance(reading, Measured), reading
    return reading.value
