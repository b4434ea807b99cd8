"""Which scorers there are, in order; a new one is one line here, its metrics a few in :mod:`tasks.scoring.specs`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from catalog.metrics import MetricSpec
from tasks.scoring import specs

if TYPE_CHECKING:
    from tasks.scoring.base import Scorer


@dataclass(frozen=True, slots=True)
class Registered:
    """A scorer as far as it can be known without loading it; ``path`` is ``module:class``.

    ``revision`` is raised whenever a reading of the scorer may change: every candidate is then scored anew.
    """

    name: str
    revision: int
    metrics: tuple[MetricSpec, ...]
    path: str

    def load(self) -> Scorer:
        """The scorer itself, with whatever it imports."""
        module, _, attribute = self.path.partition(":")
        scorer: Scorer = getattr(import_module(module), attribute)()
        return scorer


SCORERS: tuple[Registered, ...] = (
    Registered("technical", 1, specs.TECHNICAL, "tasks.scoring.technical:TechnicalScorer"),
    Registered("adherence", 1, specs.ADHERENCE, "tasks.scoring.adherence:AdherenceScorer"),
)


def metric_specs() -> dict[str, MetricSpec]:
    """Every metric by name, in the order of the scorers."""
    return {spec.name: spec for scorer in SCORERS for spec in scorer.metrics}


def scorer_revisions() -> dict[str, int]:
    """The revision of every scorer by name."""
    return {scorer.name: scorer.revision for scorer in SCORERS}


def load_scorers() -> tuple[Scorer, ...]:
    """Every scorer, loaded, in order."""
    return tuple(scorer.load() for scorer in SCORERS)
