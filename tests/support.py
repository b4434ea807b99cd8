"""What tests of whole albums need: a small album, an executor without Prefect, and a faulty engine."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from catalog.album.album import Song
from catalog.album.notices import Remark
from catalog.catalog import House
from catalog.common.errors import SonglineError, TransientError
from catalog.ledger.results import StepResult, step_result
from catalog.ledger.work import Circumstances, StepRequest
from catalog.models.licences import Use
from catalog.models.used import ModelUsed
from catalog.plan.plan import PlannedAlbum, PlannedSong
from catalog.recipe import Recipe
from flows.pipeline.pipeline import Line, Produced
from flows.pipeline.progress import Progress
from tasks.audio.audio import Audio
from tasks.engines.base import Failed, Forecast, Material, Order, Passage, Rendered, Retakes
from tasks.rendering.render_shard import render_shard
from tasks.steps.run_step import run_step

HERE = Circumstances("test", {}, "cpu")
LYRICS = "[00:01.00]Streetlights hum along the wire\n[00:04.00]One more stop and I am home\n"


def album_document(**changes: object) -> dict[str, object]:
    """A small album of two short songs, with top-level fields changed."""
    song = {"lyrics": LYRICS, "prompt": "indie pop, 120 BPM, A minor", "seeds": [1, 2]}
    document: dict[str, object] = {
        "schema_version": 1,
        "album": {"id": "small", "title": "Small Album", "artist": "Ada Vale"},
        "defaults": {"engine": "guide", "length_s": 10},
        "songs": [
            {"id": "one", "title": "Song One", **song},
            {"id": "two", "title": "Song Two", **song, "prompt": "folk rock, 132 BPM, D major"},
        ],
        "stems": "none",
        "deliverables": ["mp3_320"],
    }
    return document | changes


def write_album(folder: Path, document: Mapping[str, object] | None = None) -> Path:
    """Write a manifest; gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "album.yaml"
    path.write_text(json.dumps(document or album_document(), indent=2))
    return path


def songline(*arguments: str | Path, home: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the real command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *map(str, arguments)],
        env=environment(home, **settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def environment(home: Path, **settings: str) -> dict[str, str]:
    """The environment of a command with its home in ``home``."""
    return os.environ | {"SONGLINE_HOME": str(home), "NO_COLOR": "1", "COLUMNS": "200", **settings}


class InlineExecutor:
    """Does the work in this process, one after the other, and counts what it did."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.rendered: list[str] = []
        self.steps: list[str] = []

    async def render(self, song: PlannedSong) -> None:
        keys = [c.render_key for c in song.candidates]
        standings = self.house.ledger.standings("render", keys)
        missing = [key for key in keys if standings[key].state == "planned"]
        self.rendered += missing
        while missing:
            after = render_shard(self.house, missing, HERE)
            missing = [key for key in missing if after[key].state == "planned"]

    async def step(self, request: StepRequest, sentence: str) -> StepResult:
        found = step_result(self.house.database, request.key)
        if found is None:
            self.steps.append(sentence)
            self.house.ledger.declare_steps([request])
            run_step(self.house, request.key, HERE)
            found = step_result(self.house.database, request.key)
        assert found is not None
        return found


def produce(house: House, planned: PlannedAlbum, until: str = "release") -> tuple[Produced, InlineExecutor]:
    """Make an album in this process, without Prefect."""
    executor = InlineExecutor(house)
    produced = asyncio.run(Line(house, planned, executor, Progress(planned.songs)).run(until))
    return produced, executor


class FaultySettings(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class FaultyEngine:
    """An engine that does what is next in its queue: "tone", "silence", "fail", "oom", "crash", "nan"."""

    name: ClassVar[str] = "faulty"
    revision: ClassVar[int] = 1
    native_stems: ClassVar[bool] = False
    batches: ClassVar[bool] = False
    settings_model: ClassVar[type[BaseModel]] = FaultySettings
    queue: ClassVar[deque[str]] = deque()
    rendered: ClassVar[list[int]] = []

    def remarks(self, song: Song) -> Sequence[Remark]:
        return ()

    def unused(self, song: Song) -> Mapping[str, str]:
        return {}

    def uses(self, song: Song) -> tuple[Use, ...]:
        return ()

    def retakes(self, passage: Passage, seeds: Sequence[int]) -> Retakes:
        return Retakes((passage.parent,), passage.start_s, passage.end_s)

    def tolerance_dbfs(self, recipe: Recipe) -> float:
        return -80.0

    def materials(self, recipe: Recipe) -> Mapping[str, Material]:
        return {}

    def recipe(self, song: Song, seed: int) -> Recipe:
        return Recipe(self.name, self.revision, seed, song.length_s, {"prompt": song.prompt})

    def forecast(self, recipe: Recipe) -> Forecast:
        return Forecast(1.0, 1, 1)

    def models(self, recipe: Recipe) -> tuple[ModelUsed, ...]:
        return ()

    def load(self) -> FaultyEngine:
        return self

    def stems(self, recipe: Recipe) -> Mapping[str, Audio]:
        return {}

    def render(self, orders: Sequence[Order]) -> Iterator[Rendered | Failed]:
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
                yield Rendered(recipe, _sound(what, recipe))


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
