"""The match of a candidate to its prompt and to a reference, by a model of music and text.

Every number is the cosine of two vectors in the model's joint space for text and music: 1 the same direction, 0
unrelated. It is no percentage. It compares candidates of one song well, but not across prompts, since some prompts are
easier to match.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from catalog.selection.metrics import Measured, MetricSpec, NotMeasurable, Reading, Window
from tasks.audio.audio import Audio
from tasks.scoring.base import Brief
from tasks.scoring.judges.windows import WINDOW_S, at_listening_level

LOW_PERCENTILE = 10

Vector = NDArray[np.float32]
SimilarityReading = list[tuple[float, float, Vector]]


class JointModel(Protocol):
    """Gives vectors of length 1 for texts and for audio, in one space."""

    def text(self, text: str) -> Vector:
        """The vector of a text."""

    def clip(self, audio: Audio) -> Vector:
        """The vector of a reference: of the ten seconds around its middle."""

    def windows(self, audio: Audio) -> SimilarityReading:
        """Start and end in seconds and the vector of windows over the whole length."""


class SimilarityScorer:
    """Compares ten-second windows over a candidate's whole length with its prompt and with a reference.

    ``reference`` is the audio that the song was given as its style, None where it has none: its ten seconds around the
    middle count, the same that condition a render. The metrics are ``metrics`` of the class, in the order mean, 10th
    percentile and lowest window for the prompt, mean for the reference.
    """

    name: ClassVar[str]
    revision: ClassVar[int]
    metrics: ClassVar[tuple[MetricSpec, ...]]
    model_name: ClassVar[str]
    shortest_s: ClassVar[float] = WINDOW_S

    def __init__(self, model: JointModel, reference: Audio | None = None) -> None:
        self._model = model
        self._reference = reference
        self._reference_vector: Vector | NotMeasurable | None = None

    def score(self, audio: Audio, brief: Brief) -> Mapping[str, Reading]:
        """A reading for each of ``metrics``."""
        window_vectors = self._windows(audio)
        similarity, low, lowest_reading = _readings(_cosines(window_vectors, self._prompt_vector(brief.prompt)))
        reference, _, _ = _readings(_cosines(window_vectors, self._vector_of_reference()))
        names = (spec.name for spec in self.metrics)
        return dict(zip(names, (similarity, low, lowest_reading, reference), strict=True))

    def _windows(self, audio: Audio) -> SimilarityReading | NotMeasurable:
        level = self._levelled(audio, self.shortest_s)
        return level if isinstance(level, NotMeasurable) else self._model.windows(level)

    def _prompt_vector(self, prompt: str | None) -> Vector | NotMeasurable:
        if not prompt or not prompt.strip():
            return NotMeasurable.not_stated("prompt")
        return self._model.text(prompt)

    def _vector_of_reference(self) -> Vector | NotMeasurable:
        if self._reference is None:
            return NotMeasurable.not_stated("reference")
        if self._reference_vector is None:
            level = self._levelled(self._reference, WINDOW_S)
            self._reference_vector = (
                NotMeasurable(f"of the reference: {level.reason}")
                if isinstance(level, NotMeasurable)
                else self._model.clip(level)
            )
        return self._reference_vector

    def _levelled(self, audio: Audio, shortest_s: float) -> Audio | NotMeasurable:
        """The audio at the common loudness, or why it cannot be scored."""
        level = at_listening_level(audio)
        if isinstance(level, Audio) and level.duration_s < shortest_s:
            return NotMeasurable(f"it is shorter than the {shortest_s:.0f} s that {self.model_name} takes at a time")
        return level


def _cosines(
    reading: SimilarityReading | NotMeasurable, vector: Vector | NotMeasurable
) -> tuple[Window, ...] | NotMeasurable:
    """Each window's cosine with ``vector``, both of length 1."""
    if isinstance(vector, NotMeasurable):
        return vector
    if isinstance(reading, NotMeasurable):
        return reading
    return tuple(
        Window(start_s, end_s, float(np.clip(window_vector @ vector, -1.0, 1.0)))
        for start_s, end_s, window_vector in reading
    )


def _readings(windows: tuple[Window, ...] | NotMeasurable) -> tuple[Reading, Reading, Reading]:
    """Mean with all windows, 10th percentile, and the lowest window."""
    if isinstance(windows, NotMeasurable):
        return windows, windows, windows
    values = [window.value for window in windows]
    worst_window = min(windows, key=lambda window: window.value)
    return (
        Measured(float(np.mean(values)), windows),
        Measured(float(np.percentile(values, LOW_PERCENTILE))),
        Measured(worst_window.value, (worst_window,)),
    )
