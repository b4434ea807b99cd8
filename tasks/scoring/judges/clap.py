"""LAION-CLAP as a judge: prompt and reference match by a model that no engine here is conditioned on.

Wu et al., "Large-scale contrastive language-audio pretraining with feature fusion and keyword-to-caption augmentation",
ICASSP 2023; the checkpoint trained on music, in the port of transformers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from catalog.selection.metrics import MetricSpec
from tasks.scoring.judge_specs import CLAP
from tasks.scoring.judges.similarity import SimilarityScorer
from tasks.scoring.judges.windows import WINDOW_S

if TYPE_CHECKING:
    from catalog.common.settings import Settings
    from catalog.models.store import InstalledModel
    from tasks.scoring.judges.clap_model import Clap


class ClapScorer(SimilarityScorer):
    """Windows are ten seconds from the start; a last one of at least half that length is repeated to fill them."""

    name: ClassVar[str] = "clap"
    revision: ClassVar[int] = 1
    metrics: ClassVar[tuple[MetricSpec, ...]] = CLAP
    model_name: ClassVar[str] = "LAION-CLAP"
    shortest_s: ClassVar[float] = WINDOW_S / 2

    @staticmethod
    def load(models: Sequence[InstalledModel], settings: Settings) -> Clap:
        """The judge's model. Raises MachineError."""
        from tasks.scoring.judges.clap_model import Clap

        (clap,) = models
        return Clap.load(clap.folder, device=settings.device_here)
