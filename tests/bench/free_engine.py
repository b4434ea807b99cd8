"""An engine and scorers that cost nothing, so that what is measured is Songline's own work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import ClassVar
from unittest.mock import patch

import numpy as np
from pydantic import BaseModel, ConfigDict

from catalog.album.album import Song
from catalog.album.notices import Notice
from catalog.common.digests import Json
from catalog.common.errors import RefusedError
from catalog.common.settings import Settings
from catalog.models.licences import Use
from catalog.models.used import ModelUsed
from catalog.recipe import Recipe
from catalog.selection.decide import DEFAULT_GATES
from catalog.selection.metrics import Measured, MetricSpec, Reading
from tasks.audio.audio import Audio
from tasks.engines import registry
from tasks.engines.base import Failed, Forecast, Passage, RenderInput, RenderJob, RenderResult, Retakes
from tasks.scoring import registry as scoring_registry
from tasks.scoring import specs
from tasks.scoring.base import Brief

RATE = 44_100
FRAMES = 128
FORECAST_S = 4.0
"""What one candidate takes on a GPU: shards are cut by it."""


class FreeSettings(BaseModel):
    """None."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class FreeEngine:
    """Hands out one short buffer whose first sample names the recipe, so that every candidate has bytes of its own."""

    name: ClassVar[str] = "free"
    revision: ClassVar[int] = 1
    native_stems: ClassVar[bool] = False
    batches: ClassVar[bool] = True
    keeps_times: ClassVar[bool] = True
    rate_hz: ClassVar[int] = RATE
    settings_model: ClassVar[type[BaseModel]] = FreeSettings
    packages: ClassVar[tuple[str, ...]] = ()
    suggested_models: ClassVar[tuple[str, ...]] = ()

    def __init__(self, settings: Settings) -> None:
        pass

    def notices(self, song: Song) -> Sequence[Notice]:
        """None."""
        return ()

    def unused(self, song: Song) -> Mapping[str, str]:
        return {}

    def uses(self, song: Song) -> tuple[Use, ...]:
        """No model."""
        return ()

    def earlier(self, song: Song, recipe: Recipe) -> tuple[Recipe, ...]:
        """None: every version makes the same."""
        return ()

    def retakes(self, passage: Passage, seeds: Sequence[int]) -> Retakes:
        """Refused."""
        raise RefusedError("the free engine sings nothing again", remedy="Use another")

    def tolerance_dbfs(self, recipe: Recipe) -> float:
        """Bit for bit."""
        return -200.0

    def tolerance_note(self, recipe: Recipe) -> str:
        """Nothing."""
        return ""

    def materials(self, recipe: Recipe) -> Mapping[str, RenderInput]:
        """None."""
        return {}

    def recipe(self, song: Song, seed: int) -> Recipe:
        """As large as a real one: with the words and the prompt."""
        inputs = {"prompt": song.prompt, "lyrics": song.lyrics.to_lrc(), "cfg_strength": 4.0, "steps": 32}
        return Recipe(self.name, self.revision, seed, song.length_s, inputs)

    def forecast(self, recipe: Recipe) -> Forecast:
        """What a real engine would take."""
        return Forecast(FORECAST_S, 1, 30_000_000)

    def models(self, recipe: Recipe) -> tuple[ModelUsed, ...]:
        """None."""
        return ()

    def explain(self, song: Song, recipe: Recipe) -> Mapping[str, Json]:
        """Nothing."""
        return {}

    def load(self) -> FreeEngine:
        """Nothing to load."""
        return self

    def stems(self, recipe: Recipe) -> Mapping[str, Audio]:
        """None."""
        return {}

    def render(self, orders: Sequence[RenderJob]) -> Iterator[RenderResult | Failed]:
        """All of them at once."""
        for order in orders:
            samples = np.zeros((2, FRAMES), dtype=np.float32)
            samples[:, :2] = np.frombuffer(bytes.fromhex(order.recipe.digest[:8]), dtype=np.uint16) / 2**16
            yield RenderResult(order.recipe, Audio(samples, RATE))


class FreeScorer:
    """Gives every metric of the built-in scorers a value that passes, from one sample of the audio."""

    name: ClassVar[str] = "technical"
    revision: ClassVar[int] = 1
    metrics: ClassVar[tuple[MetricSpec, ...]] = (*specs.TECHNICAL, *specs.ADHERENCE)

    def score(self, audio: Audio, brief: Brief) -> Mapping[str, Reading]:
        """A reading for each of ``metrics``."""
        value = float(audio.samples[0, 0])
        least = {name: limit.min for name, limit in DEFAULT_GATES.items() if limit.min is not None}
        whole = {**least, "tempo_bpm": 120.0, "bandwidth_hz": 20_000.0}
        better = {spec.name: value if spec.direction == "higher" else 0.0 for spec in self.metrics}
        return {name: Measured(number) for name, number in (better | whole).items()}


@contextmanager
def free_line() -> Iterator[None]:
    """Put the free engine and scorer in the places of the real ones for the length of a block."""
    engines = {**registry.ENGINES, FreeEngine.name: f"{__name__}:FreeEngine"}
    listed = (scoring_registry.Registered("technical", 1, FreeScorer.metrics, f"{__name__}:FreeScorer"),)
    with ExitStack() as stack:
        stack.enter_context(patch.object(registry, "ENGINES", engines))
        stack.enter_context(patch("flows.planning.read_manifest.ENGINES", engines))
        stack.enter_context(patch.object(scoring_registry, "SCORERS", listed))
        # A process loads its scorers once: neither those of before nor these may be met outside their time.
        stack.enter_context(patch("tasks.scoring.step._scorers", lambda: (FreeScorer(),)))
        yield
