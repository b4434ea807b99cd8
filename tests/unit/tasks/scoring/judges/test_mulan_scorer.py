"""The similarity scorer with a model that hears what the test says."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from catalog.selection.metrics import Measured, NotMeasurable, Reading
from tasks.audio.audio import Audio
from tasks.scoring.base import Brief
from tasks.scoring.judges.mulan import MulanScorer
from tasks.scoring.specs import MULAN
from tests.support.signals.scoring import noise, silence, stereo

Style = NDArray[np.float32]


def direction(cosine: float) -> Style:
    """A vector of length 1 with this cosine to the text's."""
    return np.array([cosine, np.sqrt(1 - cosine**2)] + [0] * 510, np.float32)


class Listener:
    """Hears windows at given cosines to every text, and notes what it was asked."""

    def __init__(self, *cosines: float, reference: float = 0.6) -> None:
        self.cosines = cosines
        self.reference = reference
        self.texts: list[str] = []
        self.levels: list[float] = []
        self.clips = 0

    def text(self, text: str) -> Style:
        self.texts.append(text)
        return direction(1.0)

    def windows(self, audio: Audio, *, hop_s: float | None = None) -> list[tuple[float, float, Style]]:
        assert hop_s is None
        self.levels.append(float(np.sqrt(np.mean(np.square(audio.samples)))))
        return [(10.0 * n, 10.0 * n + 10, direction(cosine)) for n, cosine in enumerate(self.cosines)]

    def clip(self, audio: Audio) -> Style:
        self.clips += 1
        return direction(self.reference)


def read(scorer: MulanScorer, audio: Audio | None = None, prompt: str | None = "indie pop") -> Mapping[str, Reading]:
    audio = audio or stereo(noise(30))
    readings = scorer.score(audio, Brief(length_s=audio.duration_s, prompt=prompt))
    assert list(readings) == [spec.name for spec in MULAN]
    return readings


def scorer(listener: Listener, reference: Audio | None = None) -> MulanScorer:
    return MulanScorer(listener, reference)  # type: ignore[arg-type]


def value(reading: Reading) -> float:
    assert isinstance(reading, Measured), reading
    return reading.value


def test_mean_low_and_worst_window() -> None:
    readings = read(scorer(Listener(0.5, 0.3, 0.1, 0.4)))
    assert value(readings["mulan_similarity"]) == pytest.approx(0.325)
    assert value(readings["mulan_similarity_p10"]) == pytest.approx(0.16)
    assert value(readings["mulan_worst"]) == pytest.approx(0.1)


def test_windows_carry_their_times() -> None:
    readings = read(scorer(Listener(0.5, 0.3, 0.1, 0.4)))
    mean, worst = readings["mulan_similarity"], readings["mulan_worst"]
    assert isinstance(mean, Measured)
    assert isinstance(worst, Measured)
    assert [(w.start_s, w.end_s) for w in mean.windows] == [(0, 10), (10, 20), (20, 30), (30, 40)]
    assert [w.value for w in mean.windows] == pytest.approx([0.5, 0.3, 0.1, 0.4])
    assert [(w.start_s, w.end_s) for w in worst.windows] == [(20, 30)]


def test_without_a_reference_its_similarity_is_not_stated() -> None:
    reading = read(scorer(Listener(0.5)))["mulan_reference_similarity"]
    assert reading == NotMeasurable("no reference is stated")


def test_a_reference_is_compared_with_every_window_and_embedded_once() -> None:
    listener = Listener(0.6, 1.0, reference=0.6)
    judge = scorer(listener, stereo(noise(12)))
    reading = [read(judge) for _ in range(2)][1]["mulan_reference_similarity"]
    assert isinstance(reading, Measured)
    assert [w.value for w in reading.windows] == pytest.approx([1.0, 0.6])
    assert listener.clips == 1


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (stereo(noise(9)), "shorter than the 10 s"),
        (stereo(silence(12)), "silent"),
        (stereo(noise(12) * np.nan), "finite"),
    ],
)
def test_a_reference_that_cannot_be_heard_is_named_as_the_cause(reference: Audio, reason: str) -> None:
    readings = read(scorer(Listener(0.5), reference))
    reading = readings["mulan_reference_similarity"]
    assert isinstance(reading, NotMeasurable)
    assert reading.reason.startswith("of the reference: ")
    assert reason in reading.reason
    assert value(readings["mulan_similarity"]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("audio", "reason"),
    [
        (stereo(silence(30)), "silent"),
        (stereo(noise(9.999)), "shorter than the 10 s"),
        (Audio.of(np.zeros((2, 0)), 44100), "no samples"),
        (stereo(np.append(noise(12), np.inf)), "not finite"),
        (stereo(noise(12, 1e-6)), "LUFS"),
    ],
)
def test_what_cannot_be_heard_gives_reasons_for_all(audio: Audio, reason: str) -> None:
    for reading in read(scorer(Listener(0.5), stereo(noise(12))), audio).values():
        assert isinstance(reading, NotMeasurable)
        assert reason in reading.reason


@pytest.mark.parametrize("prompt", [None, "", "  "])
def test_without_a_prompt_only_the_reference_is_compared(prompt: str | None) -> None:
    readings = read(scorer(Listener(0.6), stereo(noise(12))), prompt=prompt)
    assert readings["mulan_similarity"] == readings["mulan_worst"] == NotMeasurable("no prompt is stated")
    assert value(readings["mulan_reference_similarity"]) == pytest.approx(1.0)


def test_level_does_not_matter() -> None:
    listener = Listener(0.5)
    for gain in (0.01, 0.1, 1.0):
        read(scorer(listener), stereo(gain * noise(12)))
    assert listener.levels == pytest.approx([listener.levels[0]] * 3, rel=1e-3)


def test_the_prompt_is_compared_as_it_stands() -> None:
    listener = Listener(0.5)
    read(scorer(listener), prompt="Indie folk, 92 BPM")
    assert listener.texts == ["Indie folk, 92 BPM"]


def test_every_metric_is_one_of_adherence_where_higher_is_better() -> None:
    assert {(spec.family, spec.direction) for spec in MulanScorer.metrics} == {("adherence", "higher")}
    assert (MulanScorer.name, MulanScorer.revision) == ("mulan", 1)
