"""An engine that fails on demand."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from catalog.album.album import Song
from catalog.album.notices import Notice
from catalog.common.digests import Json
from catalog.common.errors import SonglineError, TransientError
from catalog.models.licences import Use
from catalog.models.used import ModelUsed
from catalog.recipe import Recipe
from tasks.audio.audio import Audio
from tasks.engines.base import Failed, Forecast, Passage, RenderInput, RenderJob, RenderResult, Retakes


class FaultySettings(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class FaultyEngine:
    """An engine that acts on the next entry of its queue: "tone", "silence", "fail", "oom", "crash", "nan"."""

    name: ClassVar[str] = "faulty"
    revision: ClassVar[int] = 1
    native_stems: ClassVar[bool] = False
    batches: ClassVar[bool] = False
    keeps_times: ClassVar[bool] = True
    rate_hz: ClassVar[int] = 44100
    settings_model: ClassVar[type[BaseModel]] = FaultySettings
    packages: ClassVar[tuple[str, ...]] = ()
    suggested_models: ClassVar[tuple[str, ...]] = ()
    queue: ClassVar[deque[str]] = deque()
    rendered: ClassVar[list[int]] = []

    def notices(self, song: Song) -> Sequence[Notice]:
        return ()

    def unused(self, song: Song) -> Mapping[str, str]:
        return {}

    def uses(self, song: Song) -> tuple[Use, ...]:
        return ()

    def earlier(self, song: Song, recipe: Recipe) -> tuple[Recipe, ...]:
        return ()

    def retakes(self, passage: Passage, seeds: Sequence[int]) -> Retakes:
        return Retakes((passage.parent,), passage.start_s, passage.end_s)

    def tolerance_dbfs(self, recipe: Recipe) -> float:
        return -80.0

    def tolerance_note(self, recipe: Recipe) -> str:
        return ""

    def materials(self, recipe: Recipe) -> Mapping[str, RenderInput]:
        return {}

    def recipe(self, song: Song, seed: int) -> Recipe:
        return Recipe(self.name, self.revision, seed, song.length_s, {"prompt": song.prompt})

    def forecast(self, recipe: Recipe) -> Forecast:
        return Forecast(1.0, 1, 1)

    def models(self, recipe: Recipe) -> tuple[ModelUsed, ...]:
        return ()

    def explain(self, song: Song, recipe: Recipe) -> Mapping[str, Json]:
        return {}

    def load(self) -> FaultyEngine:
        return self

    def stems(self, recipe: Recipe) -> Mapping[str, Audio]:
        return {}

    def render(self, orders: Sequence[RenderJob]) -> Iterator[RenderResult | Failed]:
        for recipe in (order.recipe for order in orders):
            what = self.queue.popleft() if self.queue else "tone"
            if what == "crash":
                raise ZeroDivisionError("a bug in the engine")
            if what == "fail":
                yield Failed(recipe, SonglineError("these lyrics cannot be sung", remedy="Change them"))
            elif what == "oom":
                yield Failed(recipe, TransientError("out of memory"))
            else:
                self.rendered.append(recipe.seed)
                yield RenderResult(recipe, _sound(what, recipe))


def _sound(what: str, recipe: Recipe) -> Audio:
    time_s = np.arange(round(recipe.length_s * 44100)) / 44100
    rng = np.random.Generator(np.random.PCG64(recipe.seed))
    samples = 0.2 * np.sin(2 * np.pi * (220 + recipe.seed) * time_s) * np.ones((2, 1))
    samples += 0.01 * rng.standard_normal(samples.shape)
    if what == "silence":
        samples[:] = 0.0
    if what == "nan":
        samples[0, 1000] = np.nan
    return Audio.of(samples, 44100)
