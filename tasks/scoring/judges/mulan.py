"""MuQ-MuLan as a judge: the match of a candidate to its prompt, and to a reference where there is one.

For an engine conditioned on MuQ-MuLan this shows how well it followed the prompt; an independent judge is
:mod:`tasks.scoring.judges.clap`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from catalog.selection.metrics import MetricSpec
from tasks.scoring.judges.similarity import SimilarityScorer
from tasks.scoring.specs import MULAN

if TYPE_CHECKING:
    from catalog.common.settings import Settings
    from catalog.models.store import InstalledModel
    from tasks.style.mulan.mulan import MuLan


class MulanScorer(SimilarityScorer):
    """Windows are ten seconds, the last ending with the song: MuQ-MuLan was not trained on shorter ones."""

    name: ClassVar[str] = "mulan"
    revision: ClassVar[int] = 1
    metrics: ClassVar[tuple[MetricSpec, ...]] = MULAN
    model_name: ClassVar[str] = "MuQ-MuLan"

    @staticmethod
    def load(models: Sequence[InstalledModel], settings: Settings) -> MuLan:
        """The judge's model, loaded once in the life of a process. Raises MachineError."""
        from tasks.style.mulan.mulan import shared_mulan

        (mulan,) = models
        return shared_mulan(mulan.folder, device=settings.device_here)
