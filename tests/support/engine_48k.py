"""An engine of 48 kHz: the guide, resampled, with its stems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import ClassVar
from unittest.mock import patch

from catalog.recipe import Recipe
from tasks.audio.audio import Audio
from tasks.audio.files import resample
from tasks.engines import registry
from tasks.engines.base import Failed, Renderer, RenderJob, RenderResult
from tasks.engines.guide.engine import GuideEngine

RATE = 48_000


class Guide48Engine(GuideEngine):
    """The guide under another name and at another rate."""

    name: ClassVar[str] = "guide48"
    rate_hz: ClassVar[int] = RATE

    def load(self) -> Guide48Renderer:  # type: ignore[override]
        return Guide48Renderer(super().load())


class Guide48Renderer:
    """Renders with the guide, and resamples what it gives: audio alone, no MIDI and no lead sheet."""

    def __init__(self, guide: Renderer) -> None:
        self._guide = guide

    def render(self, orders: Sequence[RenderJob]) -> Iterator[RenderResult | Failed]:
        for order in orders:
            for result in self._guide.render([RenderJob(_guides(order.recipe), order.files)]):
                if isinstance(result, Failed):
                    yield Failed(order.recipe, result.error)
                else:
                    audio = resample(result.audio, RATE)
                    yield replace(result, recipe=order.recipe, audio=audio, extras={})

    def stems(self, recipe: Recipe) -> Mapping[str, Audio]:
        return {name: resample(stem, RATE) for name, stem in self._guide.stems(_guides(recipe)).items()}


def _guides(recipe: Recipe) -> Recipe:
    return replace(recipe, engine=GuideEngine.name)


@contextmanager
def engine_48k() -> Iterator[None]:
    """Register the engine ``guide48`` for the length of a block."""
    engines = {**registry.ENGINES, Guide48Engine.name: f"{__name__}:Guide48Engine"}
    users = ("flows.planning.read_manifest", "flows.pipeline.pipeline")
    with ExitStack() as stack:
        stack.enter_context(patch.object(registry, "ENGINES", engines))
        for user in users:
            stack.enter_context(patch(f"{user}.ENGINES", engines))
        yield
