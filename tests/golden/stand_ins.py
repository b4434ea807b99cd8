"""What plays, listens and takes apart in the golden run in place of engines, judges and separation models.

Everything that a catalog is identified by (recipes, requests, keys, documents, files of a release) is made by the real
code. Only the sound is not: it is 0.43 s of tones whose period is a whole number of samples, so that the bytes of every
artifact compress to little, and the run needs no network and no torch.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from catalog.ledger.work import Product, StepOutcome
from catalog.recipe import Recipe
from catalog.selection.metrics import Measured, MetricSpec, Reading, Window
from tasks.audio.audio import Audio
from tasks.audio.files import sample_digest, write_wav
from tasks.engines.base import Extra, Figures, RenderJob, RenderResult
from tasks.engines.diffrhythm.engine import DiffRhythmEngine
from tasks.engines.guide.arrangement.arrange import arrange
from tasks.engines.guide.arrangement.midi import midi_bytes
from tasks.engines.guide.engine import GuideEngine
from tasks.scoring import registry
from tasks.separation.demucs.models import RESIDUAL, stems_given
from tasks.separation.demucs.separate import SeparationOptions, SeparationResult, StemFile
from tasks.steps.run_step import StepContext
from tasks.style.mulan.vector import MEDIA_TYPE, write_style

RATE = 44_100
FRAMES = 18_900
"""A little more than the 0.4 s that a reading of loudness takes."""
PERIODS = {"bass": (300, 420), "drums": (150, 210), "other": (60, 84), "vocals": (100, 140)}
"""Samples of a tone's period by part; two of each, so that candidates differ by more than their level."""


def chance(text: str) -> np.random.Generator:
    """Numbers that follow from ``text`` alone."""
    return np.random.Generator(np.random.PCG64(int(hashlib.sha256(text.encode()).hexdigest()[:16], 16)))


def parts_of(recipe: Recipe) -> dict[str, Audio]:
    """The parts of a recipe's sound: square-like tones of a whole number of samples; no voice where nothing is sung."""
    is_sung = bool(recipe.inputs.get("lines") or recipe.inputs.get("tokens"))
    return {name: tone(f"{name} of {recipe.digest}", name) for name in PERIODS if is_sung or name != "vocals"}


def tone(text: str, part: str) -> Audio:
    """One part: both channels alike but for their level, in steps of 2^-12, so that sums are exact."""
    drawn = chance(text)
    period = PERIODS[part][int(drawn.integers(2))]
    wave = np.round(np.sin(2 * np.pi * np.arange(period) / period) * 512) / 4096
    levels = drawn.integers(2, 5, size=2) / 4
    mono = np.resize(wave, FRAMES)
    return Audio.of(np.stack([level * mono for level in levels]), RATE)


def mix_of(parts: Mapping[str, Audio]) -> Audio:
    """Their sum."""
    return Audio.of(np.sum([part.samples for part in parts.values()], axis=0), RATE)


class Band:
    """Stands in for the loaded half of both engines."""

    def render(self, orders: Sequence[RenderJob]) -> Iterator[RenderResult]:
        """The mix of each recipe, with what the recipe's engine gives beside it."""
        for recipe in (order.recipe for order in orders):
            if recipe.engine == GuideEngine.name:
                extras, figures = {"midi": Extra(midi_bytes(arrange(recipe)), "audio/midi", ".mid")}, None
            else:
                extras = {"latent": Extra(_latent(recipe), "application/x-npy", ".npy")}
                figures = Figures("cpu", str(recipe.inputs["dtype"]), 1, 0.25, 1.5, 0.25, None, 2e12)
            yield RenderResult(recipe, mix_of(parts_of(recipe)), extras, figures)

    def stems(self, recipe: Recipe) -> Mapping[str, Audio]:
        """The parts that were mixed."""
        return parts_of(recipe)


def _latent(recipe: Recipe) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, chance(recipe.digest).integers(-8, 8, (8, 64)).astype(np.float32))
    return buffer.getvalue()


def embed(context: StepContext) -> StepOutcome:
    """A vector that follows from what was asked."""
    vector = chance(context.request.key).standard_normal(512).astype(np.float32)
    path = context.scratch / "style.npy"
    write_style(path, vector / np.linalg.norm(vector))
    found = {"window": {"start_s": 0.0, "end_s": 10.0}, "findings": []} if context.request.inputs else {}
    return StepOutcome({"norm": 1.0, **found}, (Product("style", path, MEDIA_TYPE),))


def demix(
    mix: Audio, installed: Any, _settings: object, *, request: SeparationOptions, folder: Path
) -> SeparationResult:
    """A tone for each stem, quieter than the mix, and the rest of the mix as the residual."""
    names = stems_given(installed.spec.name, request.two_stems, instrumental=request.instrumental)
    stems = {name: Audio.of(tone(f"{name} of it", name.removeprefix("no_")).samples / 4, RATE) for name in names}
    rest = Audio.of(mix.samples - np.sum([stem.samples for stem in stems.values()], axis=0), RATE)
    files = []
    for name, stem in {**stems, RESIDUAL: rest}.items():
        write_wav(folder / f"{name}.wav", stem, subtype="FLOAT")
        files.append(StemFile(name, folder / f"{name}.wav", sample_digest(stem)))
    figures = {"model": installed.spec.name, "stems": [*names, RESIDUAL], "null_dbfs": -200.0, "residual_db": -12.0}
    return SeparationResult(tuple(files), figures)


class Listener:
    """Stands in for a judge: its readings follow from the metric's name and the mean level."""

    name: ClassVar[str]
    revision: ClassVar[int]
    metrics: ClassVar[tuple[MetricSpec, ...]]

    @staticmethod
    def load(_models: object, _settings: object) -> None:
        """It listens with nothing."""

    def __init__(self, _listening: object, _reference: object) -> None:
        """Nothing is compared with the reference."""

    def score(self, audio: Audio, _brief: object) -> Mapping[str, Reading]:
        """A reading of every metric, the same over the whole song."""
        level = round(float(np.abs(audio.samples).mean()), 4)
        values = {spec.name: round(level * float(chance(spec.name).random()), 6) for spec in self.metrics}
        return {name: Measured(value, (Window(0.0, audio.duration_s, value),)) for name, value in values.items()}


@contextmanager
def in_place() -> Iterator[None]:
    """While it lasts, the stand-ins do the work, under the names and revisions of the judges they stand for."""
    with pytest.MonkeyPatch.context() as patch:
        for engine in (GuideEngine, DiffRhythmEngine):
            patch.setattr(engine, "load", lambda _self: Band())
        patch.setattr("tasks.style.step.embed", embed)
        patch.setattr("tasks.separation.step.separate_with_demucs", demix)
        judges = []
        for judge in registry.JUDGES:
            facts = {"name": judge.name, "revision": judge.revision, "metrics": judge.metrics}
            patch.setattr(f"{__name__}.{judge.name}", type(judge.name, (Listener,), facts), raising=False)
            judges.append(replace(judge, path=f"{__name__}:{judge.name}"))
        patch.setattr(registry, "JUDGES", tuple(judges))
        yield
