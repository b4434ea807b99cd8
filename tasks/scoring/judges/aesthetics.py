"""audiobox-aesthetics as a judge: predicted listener ratings of enjoyment, usefulness, complexity and production.

Tjandra et al., "Meta Audiobox Aesthetics: unified automatic quality assessment for speech, music, and sound" (2025). It
processes mono up to 8 kHz, so it detects no stereo fault and no hiss above that. Songs of today's models lie close to
each other on its scales.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from catalog.selection.metrics import Measured, MetricSpec, NotMeasurable, Reading, Window
from tasks.audio.audio import Audio
from tasks.scoring.base import Brief
from tasks.scoring.judge_specs import AESTHETICS, AXES
from tasks.scoring.judges.windows import WINDOW_S, at_listening_level, windows_of

if TYPE_CHECKING:
    from catalog.common.settings import Settings
    from catalog.models.store import InstalledModel
    from tasks.scoring.judges.aesthetics_model import Aesthetics


class Listener(Protocol):
    """Gives the four axes of a passage of at most ten seconds."""

    def axes(self, part: Audio) -> Mapping[str, float]:
        """A number from about 1 to 10 for each of :data:`AXES`."""


class AestheticsScorer:
    """The mean of each axis over ten-second windows, a short last one weighted by its length."""

    name: ClassVar[str] = "aesthetics"
    revision: ClassVar[int] = 1
    metrics: ClassVar[tuple[MetricSpec, ...]] = AESTHETICS

    def __init__(self, model: Listener, reference: Audio | None = None) -> None:
        self._model = model

    @staticmethod
    def load(models: Sequence[InstalledModel], settings: Settings) -> Aesthetics:
        """The judge's model. Raises MachineError."""
        from tasks.scoring.judges.aesthetics_model import Aesthetics

        (audiobox,) = models
        return Aesthetics.load(audiobox.folder, device=settings.device_here)

    def score(self, audio: Audio, brief: Brief) -> Mapping[str, Reading]:
        """A reading for each of ``metrics``."""
        level = at_listening_level(audio)
        if isinstance(level, Audio) and level.duration_s < WINDOW_S / 2:
            level = NotMeasurable(f"it is shorter than {WINDOW_S / 2:.0f} s")
        if isinstance(level, NotMeasurable):
            return {spec.name: level for spec in self.metrics}
        window_axes = [(start_s, end_s, self._model.axes(part)) for start_s, end_s, part in windows_of(level)]
        return {
            f"audiobox_{axis.lower()}": _mean(
                tuple(Window(start_s, end_s, axes[axis]) for start_s, end_s, axes in window_axes)
            )
            for axis in AXES
        }


def _mean(windows: tuple[Window, ...]) -> Measured:
    lengths_s = [window.end_s - window.start_s for window in windows]
    return Measured(float(np.average([window.value for window in windows], weights=lengths_s)), windows)
