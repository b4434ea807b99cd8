"""Which scorers there are, in order; a new one is one line here, its metrics a few in :mod:`tasks.scoring.specs`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from catalog.metrics import MetricSpec
from tasks.scoring import specs
from tasks.style.names import MUQ_MULAN

if TYPE_CHECKING:
    from tasks.scoring.base import Scorer


@dataclass(frozen=True, slots=True)
class Registered:
    """A scorer as far as it can be known without loading it; ``path`` is ``module:class``.

    ``revision`` is raised whenever a reading of the scorer may change: every candidate is then scored anew. A scorer
    that listens with a model of the registry is a judge: it is asked only where a policy names one of its metrics.
    """

    name: str
    revision: int
    metrics: tuple[MetricSpec, ...]
    path: str
    model: str | None = None

    def load(self) -> Scorer:
        """The scorer itself, with whatever it imports."""
        module, _, attribute = self.path.partition(":")
        scorer: Scorer = getattr(import_module(module), attribute)()
        return scorer


SCORERS: tuple[Registered, ...] = (
    Registered("technical", 1, specs.TECHNICAL, "tasks.scoring.technical:TechnicalScorer"),
    Registered("adherence", 1, specs.ADHERENCE, "tasks.scoring.adherence:AdherenceScorer"),
)
"""The scorers that listen to every candidate."""

JUDGES: tuple[Registered, ...] = (
    Registered("mulan", 1, specs.MULAN, "tasks.scoring.mulan:MulanScorer", model=MUQ_MULAN),
)
"""The scorers that need a model; ``path`` is a class that :func:`tasks.scoring.judging.load_judge` makes."""


def metric_specs() -> dict[str, MetricSpec]:
    """Every metric by name, in the order of the scorers."""
    return {spec.name: spec for scorer in (*SCORERS, *JUDGES) for spec in scorer.metrics}


def scorer_revisions() -> dict[str, int]:
    """The revision of every scorer that listens to every candidate, by name."""
    return {scorer.name: scorer.revision for scorer in SCORERS}


def judges_for(metrics: Collection[str]) -> tuple[Registered, ...]:
    """The judges that read any of these metrics."""
    return tuple(judge for judge in JUDGES if any(spec.name in metrics for spec in judge.metrics))


def judge_named(name: str) -> Registered:
    """The judge of that name. Raises KeyError where there is none."""
    return {judge.name: judge for judge in JUDGES}[name]


def model_of_scorer(name: str) -> str | None:
    """The registry's name of the model that a scorer listens with, if it does."""
    return next((judge.model for judge in JUDGES if judge.name == name), None)


def load_scorers() -> tuple[Scorer, ...]:
    """Every scorer that needs no model, loaded, in order."""
    return tuple(scorer.load() for scorer in SCORERS)
