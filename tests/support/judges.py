"""A judge that needs a model of the registry but none of its packages, and machines with and without that model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from catalog.common.settings import Settings
from catalog.models.store import InstalledModel, ModelStore
from catalog.selection.metrics import Measured, MetricSpec, Reading
from tasks.audio.audio import Audio
from tasks.scoring import registry
from tasks.scoring.base import Brief
from tests.support.models import install, relaxed_table

MODEL = "audiobox-aesthetics"
METRIC = MetricSpec("charm", "points", "higher", "musicality", "How charming a take is")
SELECTION = {"weights": {"charm": 1.0}}


class CharmScorer:
    """Scores the mean absolute amplitude of a take, times the size of its model's file."""

    name: ClassVar[str] = "charm"
    revision: ClassVar[int] = 1
    metrics: ClassVar[tuple[MetricSpec, ...]] = (METRIC,)
    heard: ClassVar[list[float]] = []
    """The values measured in this process, in order."""

    @staticmethod
    def load(models: tuple[InstalledModel, ...], settings: Settings) -> int:
        return models[0].size_bytes

    def __init__(self, listening: int, reference: Audio | None) -> None:
        self._factor = listening

    def score(self, audio: Audio, brief: Brief) -> Mapping[str, Reading]:
        value = self._factor * float(abs(audio.samples).mean())
        self.heard.append(value)
        return {METRIC.name: Measured(value)}


CHARM = registry.Judge("charm", 1, (METRIC,), "tests.support.judges:CharmScorer", (MODEL,))


@contextmanager
def only_charm() -> Iterator[None]:
    """Make this the only judge for the duration of the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "JUDGES", (CHARM,))
        patch.setattr(CharmScorer, "heard", [])
        yield


def machine(settings: Settings, folder: Path, weights: bytes | None = None, *, stems: str | None = None) -> Settings:
    """The settings of another machine of the same catalog, with its models in ``folder``: the judge's, if ``weights``
    are given, and files under the name of a separation model."""
    table = relaxed_table(folder / "models.toml")
    store = ModelStore(folder / "models", table)
    if weights is not None:
        install(store, MODEL, {"checkpoint.pt": weights})
    if stems:
        install(store, stems, {f"{stems}.yaml": b"x", "955717e8.safetensors": b"x"})
    return settings.model_copy(update={"models": store.folder, "models_table": table, "device": "cpu"})
