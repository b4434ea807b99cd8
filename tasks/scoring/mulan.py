"""The similarity scorer: how near MuQ-MuLan hears a candidate to its prompt, and to a reference where there is one.

Every number is the cosine of two vectors in the space that MuQ-MuLan learned for text and music together: 1 the same
direction, 0 unrelated. It is no percentage. Candidates of one song compare well by it; across prompts it does not, as
some prompts are easier to be near to. An engine that is conditioned on MuQ-MuLan is asked here how well it obeyed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from catalog.metrics import Measured, MetricSpec, NotMeasurable, Reading, Window
from tasks.audio.audio import Audio
from tasks.audio.loudness import integrated_lufs
from tasks.scoring.base import Brief
from tasks.scoring.intake import unreadable
from tasks.scoring.specs import MULAN
from tasks.style.names import WINDOW_S
from tasks.style.vector import Style

if TYPE_CHECKING:
    from tasks.style.mulan import MuLan

LEVEL_LUFS = -23.0
"""Everything is heard at one loudness, so that no candidate gains or loses by its level."""

LOW_PERCENTILE = 10

Heard = list[tuple[float, float, Style]]


class MulanScorer:
    """Compares ten-second windows over a candidate's whole length with its prompt and with a reference.

    ``reference`` is the audio that the song was given as its style, None where it has none: of it the ten seconds
    around the middle are heard, the same that condition a render.
    """

    name: ClassVar[str] = "mulan"
    revision: ClassVar[int] = 1
    metrics: ClassVar[tuple[MetricSpec, ...]] = MULAN

    def __init__(self, model: MuLan, reference: Audio | None = None) -> None:
        self._model = model
        self._reference = reference
        self._reference_style: Style | NotMeasurable | None = None

    @staticmethod
    def load(folder: Path, *, device: str = "cpu") -> MuLan:
        """The model that it listens with, loaded once in the life of a process. Raises MachineError."""
        from tasks.style.mulan import shared_mulan

        return shared_mulan(folder, device=device)

    def score(self, audio: Audio, brief: Brief) -> Mapping[str, Reading]:
        """A reading for each of ``metrics``."""
        heard = self._windows(audio)
        prompt = self._prompt_style(brief.prompt)
        similarity, low, worst = _readings(_cosines(heard, prompt))
        reference, _, _ = _readings(_cosines(heard, self._style_of_reference()))
        return {
            "mulan_similarity": similarity,
            "mulan_similarity_p10": low,
            "mulan_worst": worst,
            "mulan_reference_similarity": reference,
        }

    def _windows(self, audio: Audio) -> Heard | NotMeasurable:
        level = _levelled(audio)
        return level if isinstance(level, NotMeasurable) else self._model.windows(level, hop_s=None)

    def _prompt_style(self, prompt: str | None) -> Style | NotMeasurable:
        if not prompt or not prompt.strip():
            return NotMeasurable.not_stated("prompt")
        return self._model.text(prompt)

    def _style_of_reference(self) -> Style | NotMeasurable:
        if self._reference is None:
            return NotMeasurable.not_stated("reference")
        if self._reference_style is None:
            level = _levelled(self._reference)
            self._reference_style = (
                NotMeasurable(f"of the reference: {level.reason}")
                if isinstance(level, NotMeasurable)
                else self._model.clip(level)
            )
        return self._reference_style


def _levelled(audio: Audio) -> Audio | NotMeasurable:
    """The audio at the common loudness, or why it cannot be heard."""
    if fault := unreadable(audio):
        return fault
    if audio.duration_s < WINDOW_S:
        return NotMeasurable(f"it is shorter than the {WINDOW_S} s that MuQ-MuLan hears at a time")
    loudness = integrated_lufs(audio)
    if isinstance(loudness, NotMeasurable):
        return loudness
    return Audio(audio.samples * np.float32(10 ** ((LEVEL_LUFS - loudness.value) / 20)), audio.rate)


def _cosines(heard: Heard | NotMeasurable, style: Style | NotMeasurable) -> tuple[Window, ...] | NotMeasurable:
    """Each window's cosine with ``style``, both being of length 1."""
    if isinstance(style, NotMeasurable):
        return style
    if isinstance(heard, NotMeasurable):
        return heard
    return tuple(Window(start_s, end_s, float(np.clip(vector @ style, -1.0, 1.0))) for start_s, end_s, vector in heard)


def _readings(windows: tuple[Window, ...] | NotMeasurable) -> tuple[Reading, Reading, Reading]:
    """Mean with all windows, 10th percentile, and the lowest window."""
    if isinstance(windows, NotMeasurable):
        return windows, windows, windows
    values = [window.value for window in windows]
    worst = min(windows, key=lambda window: window.value)
    return (
        Measured(float(np.mean(values)), windows),
        Measured(float(np.percentile(values, LOW_PERCENTILE))),
        Measured(worst.value, (worst,)),
    )
