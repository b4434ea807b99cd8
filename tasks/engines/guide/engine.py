"""The light half of the guide engine: from a song and a seed to a recipe, without loading anything that plays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel

from catalog.album.album import Song
from catalog.album.notices import Notice
from catalog.common.digests import Json
from catalog.common.errors import RefusedError
from catalog.common.settings import Settings
from catalog.models.licences import Use
from catalog.models.used import ModelUsed
from catalog.recipe import Recipe
from tasks.engines.base import Forecast, Passage, RenderInput, Retakes, settings_of
from tasks.engines.guide.earlier import recipe_of_revision_1
from tasks.engines.guide.explanation import explained
from tasks.engines.guide.genres.library import AUTO
from tasks.engines.guide.inputs import inputs_of
from tasks.engines.guide.instruments import NAME, REVISION, font_of, instruments, soundfont_path
from tasks.engines.guide.settings import GuideSettings
from tasks.engines.guide.voice.casting import chosen_source, singer_models, singing_notices
from tasks.engines.guide.voice.piper import MODEL

if TYPE_CHECKING:
    from tasks.engines.guide.renderer import GuideRenderer


RATE = 44100
WAV_HEADER_BYTES = 128
MIDI_BYTES_PER_S = 220
LEAD_SHEET_BYTES_PER_S = 150

# Measured on one core of the reference machine (tests/bench/test_guide_bench.py), rounded up.
RENDER_SPEED = 30.0
SUNG_RENDER_SPEED = 20.0
NEURAL_RENDER_SPEED = 8.0
LOAD_SECONDS = 0.5
BASE_MEMORY_BYTES = 190 << 20
SUNG_MEMORY_BYTES = 20 << 20
NEURAL_MEMORY_BYTES = 260 << 20
BUFFERS = 4


class GuideEngine:
    """Arranges and plays a guide track from the manifest alone, on a CPU: reproducible by recipe, varied by seed."""

    name: ClassVar[str] = NAME
    revision: ClassVar[int] = REVISION
    native_stems: ClassVar[bool] = True
    batches: ClassVar[bool] = False
    keeps_times: ClassVar[bool] = True
    rate_hz: ClassVar[int] = RATE
    settings_model: ClassVar[type[BaseModel]] = GuideSettings
    packages: ClassVar[tuple[str, ...]] = ()
    suggested_models: ClassVar[tuple[str, ...]] = ()

    def __init__(self, settings: Settings) -> None:
        """``settings`` names the SoundFont, where it is not that of the package."""
        self._soundfont = settings.soundfont

    def notices(self, song: Song) -> Sequence[Notice]:
        """What of the singing cannot be as it is set; every song can be played."""
        return singing_notices(song, settings_of(song, GuideSettings))

    def unused(self, song: Song) -> Mapping[str, str]:
        """A reference and a style vector: the guide uses the words of the prompt alone."""
        files = {"reference": song.reference, "style": song.style}
        return {
            field: f"The guide does not use `{field}`: it follows the prompt's words, tempo and key."
            for field, file in files.items()
            if file is not None
        }

    def uses(self, song: Song) -> tuple[Use, ...]:
        """The voice of the neural singer where it is to sing; else no model of the registry."""
        settings = settings_of(song, GuideSettings)
        is_neural = settings.voice == "sung" and settings.singer_source == "neural" and not song.instrumental
        return (Use(MODEL, "generates"),) if is_neural and chosen_source("neural", song) == "neural" else ()

    def recipe(self, song: Song, seed: int) -> Recipe:
        """The recipe of one song and seed; a null tempo or key is chosen by the song's words, the same for all seeds.

        Raises InputError where the song's settings do not fit :class:`GuideSettings`.
        """
        settings = settings_of(song, GuideSettings).complete()
        inputs = {**inputs_of(song, seed, settings), "instruments": instruments(self._soundfont)}
        return Recipe(engine=self.name, revision=self.revision, seed=seed, length_s=song.length_s, inputs=inputs)

    def earlier(self, song: Song, recipe: Recipe) -> tuple[Recipe, ...]:
        """That of revision 1, which knew genres by the words of the prompt and by `groove` only, and no singer."""
        settings = settings_of(song, GuideSettings).complete()
        if any(settings[name] != AUTO for name in ("genre", "singer", "singer_source")):
            return ()
        return (recipe_of_revision_1(song, recipe.seed, settings),)

    def explain(self, song: Song, recipe: Recipe) -> Mapping[str, Json]:
        """What was understood of a song: genre, tempo, key and form, by name."""
        return explained(recipe, settings_of(song, GuideSettings).complete(), song.seeds)

    def retakes(self, passage: Passage, seeds: Sequence[int]) -> Retakes:
        """Refused: no passage of an arrangement can be rendered again on its own."""
        raise RefusedError(
            "The guide engine cannot render a passage of a take again",
            remedy="Add a seed to the song, or use an engine that sings",
        )

    def tolerance_dbfs(self, recipe: Recipe) -> float:
        """The last bits only: the same recipe is meant to give the same samples."""
        return -80.0

    def tolerance_note(self, recipe: Recipe) -> str:
        """Nothing."""
        return ""

    def materials(self, recipe: Recipe) -> Mapping[str, RenderInput]:
        """Nothing: the recipe holds everything."""
        return {}

    def forecast(self, recipe: Recipe) -> Forecast:
        """Time, memory and stored bytes of one recipe, from constants measured on one core."""
        frames = round(recipe.length_s * RATE)
        frame_bytes = 2 * 4
        source = recipe.inputs["singer"]["source"] if "singer" in recipe.inputs else ""
        speed = {"": RENDER_SPEED, "neural": NEURAL_RENDER_SPEED}.get(source, SUNG_RENDER_SPEED)
        singer_bytes = {"": 0, "neural": NEURAL_MEMORY_BYTES}.get(source, SUNG_MEMORY_BYTES)
        written_bytes = round(recipe.length_s * (MIDI_BYTES_PER_S + LEAD_SHEET_BYTES_PER_S))
        return Forecast(
            seconds=LOAD_SECONDS + recipe.length_s / speed,
            memory_bytes=BASE_MEMORY_BYTES + singer_bytes + BUFFERS * frames * frame_bytes,
            stored_bytes=frames * frame_bytes + WAV_HEADER_BYTES + written_bytes,
        )

    def models(self, recipe: Recipe) -> tuple[ModelUsed, ...]:
        """The SoundFont and what sings, under their licences."""
        digest = recipe.inputs["instruments"]["soundfont"]
        font = font_of(digest)
        singer = singer_models(recipe.inputs["singer"]) if "singer" in recipe.inputs else ()
        return (ModelUsed(name=font.name, revision=font.revision, licence=font.licence, digest=digest), *singer)

    def load(self) -> GuideRenderer:
        """The heavy half, with the SoundFont read."""
        from tasks.engines.guide.renderer import GuideRenderer

        return GuideRenderer(soundfont_path(self._soundfont))
