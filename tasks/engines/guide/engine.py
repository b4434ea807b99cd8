"""The light half of the guide engine: from a song and a seed to a recipe, without loading anything that plays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel

from catalog.album.album import Song
from catalog.album.notices import Notice
from catalog.album.syllables import count_syllables
from catalog.album.tempo_and_key import bpm_from_prompt, key_from_prompt, parse_key
from catalog.common.digests import Json
from catalog.common.errors import RefusedError
from catalog.common.settings import Settings
from catalog.models.licences import Use
from catalog.models.used import ModelUsed
from catalog.recipe import Recipe
from tasks.engines.base import Forecast, Passage, RenderInput, Retakes, settings_of
from tasks.engines.guide.instruments import NAME, REVISION, instruments, soundfont_path
from tasks.engines.guide.settings import YOUNGER, GuideSettings
from tasks.engines.guide.voice.casting import (
    chosen_singer,
    chosen_source,
    phones_of,
    singer_models,
    singing,
    singing_notices,
)
from tasks.engines.guide.words.phonemes import Phone, nuclei, written

if TYPE_CHECKING:
    from tasks.engines.guide.renderer import GuideRenderer


RATE = 44100
WAV_HEADER_BYTES = 128
MIDI_BYTES_PER_S = 220

# Measured on one core of the reference machine (tests/bench/test_guide_bench.py), rounded up.
RENDER_SPEED = 30.0
SUNG_RENDER_SPEED = 15.0
LOAD_SECONDS = 0.5
BASE_MEMORY_BYTES = 140 << 20
SUNG_MEMORY_BYTES = 60 << 20
BUFFERS = 8


class GuideEngine:
    """Arranges and plays a guide track from the manifest alone, on a CPU: reproducible by recipe, varied by seed."""

    name: ClassVar[str] = NAME
    revision: ClassVar[int] = REVISION
    native_stems: ClassVar[bool] = True
    batches: ClassVar[bool] = False
    settings_model: ClassVar[type[BaseModel]] = GuideSettings

    def __init__(self, settings: Settings) -> None:
        """``settings`` has no effect: the guide plays with the content of its packages."""

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
        """No model of the registry."""
        return ()

    def recipe(self, song: Song, seed: int) -> Recipe:
        """The recipe of one song and seed; times are whole milliseconds, a null tempo or key is chosen by the seed.

        Raises InputError where the song's settings do not fit :class:`GuideSettings`.
        """
        settings = settings_of(song, GuideSettings)
        source = chosen_source(settings.singer_source, song) if settings.voice == "sung" else ""
        phones = phones_of(song, source) if source else []
        is_sung = any(phones)
        inputs: dict[str, Json] = {
            "lines": _lines(song, phones),
            "language": song.language,
            "prompt": song.prompt,
            "bpm": song.bpm if song.bpm is not None else bpm_from_prompt(song.prompt),
            "key": parse_key(song.key) if song.key is not None else key_from_prompt(song.prompt),
            "settings": _settings_document(settings, is_sung=is_sung),
            "instruments": instruments(),
        }
        if is_sung:
            inputs["phones"] = [written(line) for line in phones]
            inputs["singer"] = singing(chosen_singer(settings.singer, song.prompt, seed), source)
        return Recipe(engine=self.name, revision=self.revision, seed=seed, length_s=song.length_s, inputs=inputs)

    def earlier(self, song: Song, recipe: Recipe) -> tuple[Recipe, ...]:
        """None: every version makes the same."""
        return ()

    def retakes(self, passage: Passage, seeds: Sequence[int]) -> Retakes:
        """Refused: no passage of an arrangement can be rendered again on its own."""
        raise RefusedError(
            "The guide engine cannot render a passage of a take again",
            remedy="Add a seed to the song, or use the diffrhythm engine",
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
        is_sung = "singer" in recipe.inputs
        return Forecast(
            seconds=LOAD_SECONDS + recipe.length_s / (SUNG_RENDER_SPEED if "singer" in recipe.inputs else RENDER_SPEED),
            memory_bytes=BASE_MEMORY_BYTES + SUNG_MEMORY_BYTES * is_sung + BUFFERS * frames * frame_bytes,
            stored_bytes=frames * frame_bytes + WAV_HEADER_BYTES + round(recipe.length_s * MIDI_BYTES_PER_S),
        )

    def models(self, recipe: Recipe) -> tuple[ModelUsed, ...]:
        """The SoundFont and what sings, under their licences."""
        singer = singer_models(recipe.inputs["singer"]) if "singer" in recipe.inputs else ()
        return (
            ModelUsed(
                name="TimGM6mb SoundFont",
                revision="1.3",
                licence="GPL-2.0",
                digest=recipe.inputs["instruments"]["soundfont"],
            ),
            *singer,
        )

    def load(self) -> GuideRenderer:
        """The heavy half, with the SoundFont read."""
        from tasks.engines.guide.renderer import GuideRenderer

        return GuideRenderer(soundfont_path())


def _lines(song: Song, phones: Sequence[Sequence[Phone]]) -> list[Json]:
    """Each line's start in milliseconds, text and syllables: those of its phones where it is sung."""
    counts = [nuclei(line) for line in phones] or [
        count_syllables(line.text, song.language) for line in song.lyrics.lines
    ]
    return [
        [round(line.start_s * 1000), line.text, count] for line, count in zip(song.lyrics.lines, counts, strict=True)
    ]


def _settings_document(settings: GuideSettings, *, is_sung: bool) -> dict[str, Json]:
    """The settings that are heard: who sings is stated beside them, and nobody where there is nothing to sing."""
    document = settings.model_dump(mode="json")
    heard = {"voice"} if is_sung else set()
    return {name: value for name, value in document.items() if name not in YOUNGER or name in heard}
