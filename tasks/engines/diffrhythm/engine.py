"""The light half of the DiffRhythm engine: from a song and a seed to a recipe, without loading a network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel

from catalog.album.album import Song
from catalog.album.notices import Notice
from catalog.common.digests import Json
from catalog.common.errors import InputError, MachineError, RefusedError, SonglineError
from catalog.common.packages import require_installed
from catalog.common.settings import Settings
from catalog.lyrics.lyrics import Lyrics
from catalog.models.licences import Use
from catalog.models.store import InstalledModel, ModelStore, content_digest
from catalog.models.used import ModelUsed
from catalog.recipe import Recipe
from tasks.engines.adapters.stated import adapters_document, adapters_of, missing_adapters
from tasks.engines.base import Forecast, Passage, RenderInput, Retakes, settings_of
from tasks.engines.diffrhythm import inputs as engine_inputs
from tasks.engines.diffrhythm.explanation import explanation
from tasks.engines.diffrhythm.forecast import forecast
from tasks.engines.diffrhythm.lyrics.place import Placement, passage_warnings, place_lyrics, place_original, warnings
from tasks.engines.diffrhythm.lyrics.timing import duration_of, frames_of
from tasks.engines.diffrhythm.network.frames import passage_between
from tasks.engines.diffrhythm.settings import (
    BASE_MODEL,
    CHINESE_MODEL,
    DATA_MODEL,
    FULL_MODEL,
    VAE_MODEL,
    DiffRhythmSettings,
)
from tasks.engines.diffrhythm.weight_forms import refusal, tolerance_dbfs, tolerance_note, weights_document
from tasks.phonemes.reader import Reader
from tasks.style.mulan.names import MUQ_MULAN
from tasks.style.mulan.names import PACKAGES as MULAN_PACKAGES

if TYPE_CHECKING:
    from tasks.engines.diffrhythm.renderer import DiffRhythmRenderer

PACKAGES = ("torch", "phonemizer", "espeakng_loader", "inflect", "jieba", "cn2an", "pypinyin")
"""Packages of the ``diffrhythm`` extra that planning or rendering needs."""

_IDEOGRAPH = re.compile("[\u4e00-\u9fff]")


class DiffRhythmEngine:
    """Renders the lyrics in the style of a prompt or a reference, by DiffRhythm v1.2."""

    name: ClassVar[str] = "diffrhythm"
    revision: ClassVar[int] = 1
    native_stems: ClassVar[bool] = False
    batches: ClassVar[bool] = True
    keeps_times: ClassVar[bool] = True
    rate_hz: ClassVar[int] = 44_100
    settings_model: ClassVar[type[BaseModel]] = DiffRhythmSettings
    packages: ClassVar[tuple[str, ...]] = tuple(dict.fromkeys((*PACKAGES, *MULAN_PACKAGES)))
    suggested_models: ClassVar[tuple[str, ...]] = (BASE_MODEL, FULL_MODEL, VAE_MODEL, DATA_MODEL, MUQ_MULAN)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._models = ModelStore(settings.models_path, table=settings.models_table)

    def notices(self, song: Song) -> Sequence[Notice]:
        """Impossible lengths, models and styles; lines of the lyrics that are late, cut or not sung."""
        settings = settings_of(song, DiffRhythmSettings)
        faults = list(engine_inputs.faults(song, settings, self._models))
        if error := refusal(settings, self._settings):
            faults.append(Notice("fault", "settings.weights", error.what, error.remedy))
        if faults:
            return faults
        warnings_of_adapters = engine_inputs.adapter_warnings(song, settings, self._models)
        return [*engine_inputs.language_warning(song), *warnings_of_adapters, *self._lyrics_remarks(song)]

    def unused(self, song: Song) -> Mapping[str, str]:
        """The fields that do not give the style, and a negative style where there is no guidance."""
        try:
            return dict(engine_inputs.unused(song, settings_of(song, DiffRhythmSettings)))
        except InputError:
            return {}  # reported as a fault

    def uses(self, song: Song) -> tuple[Use, ...]:
        """Network, adapters, autoencoder and language data, and MuQ-MuLan where a style must be embedded."""
        settings = settings_of(song, DiffRhythmSettings)
        network = engine_inputs.checkpoint_for(song, settings, self._models)
        names = (network, *(adapter.model for adapter in settings.adapters), VAE_MODEL)
        uses: tuple[Use, ...] = (*(Use(name, "generates") for name in names), Use(DATA_MODEL, "reads"))
        if self._models.installed(CHINESE_MODEL) and any(_IDEOGRAPH.search(line.text) for line in song.lyrics.sung):
            uses = (*uses, Use(CHINESE_MODEL, "reads"))
        return (*uses, Use(MUQ_MULAN, "conditions")) if engine_inputs.needs_mulan(song, settings) else uses

    def recipe(self, song: Song, seed: int) -> Recipe:
        """All inputs of the network. Raises ModelMissing, MachineError without the packages, InputError."""
        settings = settings_of(song, DiffRhythmSettings)
        require_packages()
        network = self._models.need(engine_inputs.checkpoint_for(song, settings, self._models))
        vae, data = self._models.need(VAE_MODEL), self._models.need(DATA_MODEL)
        mulan = self._models.need(MUQ_MULAN) if engine_inputs.needs_mulan(song, settings) else None
        placement = self.place(song)
        inputs: dict[str, Json] = {
            "files": {"network": _stated(network), "vae": _stated(vae)},
            **_words(placement),
            "frames": placement.frames,
            "duration": duration_of(int(song.length_s)),
            "style": engine_inputs.style_document(song, settings, mulan),
            "negative_style": engine_inputs.negative_document(settings, mulan, data),
            "steps": settings.steps,
            "cfg_strength": settings.cfg_strength,
            "sway": settings.sway,
            "dtype": settings.network_dtype(self._settings),
            "rope": settings.rope,
            "ema": settings.ema,
            "vae": settings.vae,
            "vae_dtype": settings.decoder_dtype(self._settings),
            **adapters_document(settings.adapters, self._models),
            **weights_document(settings, self._settings),
            **({"compiled": True} if settings.compile else {}),
            **({"lyrics": "original"} if settings.lyrics == "original" else {}),
        }
        return Recipe(engine=self.name, revision=self.revision, seed=seed, length_s=song.length_s, inputs=inputs)

    def earlier(self, song: Song, recipe: Recipe) -> tuple[Recipe, ...]:
        """On a CPU with bfloat16 the recipe in float32, which ``dtype: auto`` meant there before."""
        chosen = settings_of(song, DiffRhythmSettings)
        is_new = chosen.dtype == "auto" and chosen.weights == "full" and self._settings.device_of_renders == "cpu"
        if not is_new or recipe.inputs["dtype"] == "float32":
            return ()
        return (replace(recipe, inputs={**recipe.inputs, "dtype": "float32"}),)

    def retakes(self, passage: Passage, seeds: Sequence[int]) -> Retakes:
        """The parent's recipe with a passage regenerated from its latent, and its new words if they change."""
        parent = passage.parent
        self._check_parent(parent)
        missing_roles = [role for role in ("latent", "audio") if role not in passage.products]
        if missing_roles:
            raise RefusedError(f"the candidate has no {missing_roles[0]} to start from", remedy="Render it first")
        song_frames = parent.inputs["frames"]
        if passage.end_s > parent.length_s + 1:
            raise InputError(
                f"the passage ends at {passage.end_s:g} s, and the song has {parent.length_s:g} s",
                remedy="Let the passage end with the song, or before",
            )
        frames = passage_between(passage.start_s, passage.end_s, song_frames=song_frames)
        placement = self._new_words(passage, passage.lyrics) if passage.lyrics else None
        passage_document = {
            "frames": [frames.start_frame, frames.end_frame],
            "seconds": [round(frames.start_s, 3), round(frames.end_s, 3)],
            "latent": passage.products["latent"],
            "audio": passage.products["audio"],
        }
        words = _words(placement) if placement else {}
        inputs = {**parent.inputs, **words, "passage": passage_document, "parent": parent.digest}
        recipes = (Recipe(parent.engine, parent.revision, seed, parent.length_s, inputs) for seed in seeds)
        sentences = passage_warnings(placement, frames) if placement else ()
        return Retakes(tuple(recipes), start_s=frames.start_s, end_s=frames.end_s, warnings=sentences)

    def tolerance_dbfs(self, recipe: Recipe) -> float:
        """By precision: guidance amplifies rounding from step to step, and other batch sizes round differently."""
        return tolerance_dbfs(recipe.inputs)

    def tolerance_note(self, recipe: Recipe) -> str:
        """A sentence where the tolerance is a guess."""
        return tolerance_note(recipe.inputs)

    def materials(self, recipe: Recipe) -> Mapping[str, RenderInput]:
        """The style vectors, and for a retake its parent's latent and audio."""
        styles = {role: engine_inputs.style_material(recipe.inputs[role]) for role in ("style", "negative_style")}
        materials = {role: material for role, material in styles.items() if material is not None}
        if passage := recipe.inputs.get("passage"):
            materials["parent_latent"] = RenderInput(digest=passage["latent"])
            materials["parent_audio"] = RenderInput(digest=passage["audio"])
        return materials

    def forecast(self, recipe: Recipe) -> Forecast:
        """Time, memory and stored bytes of one recipe, from the arithmetic of its network."""
        installed_models = (self._models.installed(recipe.inputs["files"][part]["name"]) for part in ("network", "vae"))
        weights, vae = (model.size_bytes if model else 0 for model in installed_models)
        device, has_bfloat16 = self._settings.device_of_renders, self._settings.dtype_on_cpu == "bfloat16"
        return forecast(recipe, weights_bytes=weights, vae_bytes=vae, device=device, has_bfloat16=has_bfloat16)

    def models(self, recipe: Recipe) -> tuple[ModelUsed, ...]:
        """Network, autoencoder, language data and style model of a recipe, with their licences."""
        files = recipe.inputs["files"]
        readers = (DATA_MODEL, CHINESE_MODEL) if "lexicon" in recipe.inputs["read_by"] else (DATA_MODEL,)
        model_entries = [(files[part]["name"], files[part]["digest"], "generates") for part in ("network", "vae")]
        model_entries += [(name, None, "reads") for name in readers]
        style_models = (recipe.inputs[role].get("model") for role in ("style", "negative_style"))
        model_entries += [
            (model["name"], content_digest(model["digests"]), "conditions") for model in style_models if model
        ]
        models_by_role = [
            (role, used_model)
            for name, digest, role in model_entries
            for used_model in self._models.models_used(name, digest=digest)
        ]
        models = (model.model_copy(update={"role": role}) for role, model in models_by_role)
        return tuple(dict.fromkeys((*models, *adapters_of(recipe, self._models))))

    def explain(self, song: Song, recipe: Recipe) -> Mapping[str, Json]:
        """The styles, the models and the values of the sampler."""
        return explanation(song, recipe)

    def load(self) -> DiffRhythmRenderer:
        """The heavy half; networks are loaded when a recipe first needs them. Raises MachineError without torch."""
        require_packages()
        from tasks.engines.diffrhythm.renderer import DiffRhythmRenderer

        return DiffRhythmRenderer(self._settings)

    def place(self, song: Song) -> Placement:
        """A song's lyrics on the model's frames. Raises ModelMissing, MachineError, InputError."""
        is_original = settings_of(song, DiffRhythmSettings).lyrics == "original"
        frames_of(song.length_s)  # refuses lengths that neither model makes
        length_s = int(song.length_s)
        return self._placed(song.lyrics, length_s=length_s, language=song.language, is_original=is_original)

    def _lyrics_remarks(self, song: Song) -> Iterator[Notice]:
        try:
            placement = self.place(song)
        except MachineError as error:
            message = f"What the engine makes of the lyrics was not checked: {error}"
            yield Notice("hint", "lyrics", message)
        except SonglineError as error:
            yield Notice("fault", "lyrics", error.what, error.remedy)
        else:
            for line, message in warnings(placement):
                yield Notice("warning", "lyrics", message, line=line)

    def _new_words(self, passage: Passage, lyrics: Lyrics) -> Placement:
        """The new words, read in the same way as the parent's."""
        is_original = passage.parent.inputs.get("lyrics") == "original"
        length_s = int(passage.parent.length_s)
        return self._placed(lyrics, length_s=length_s, language=passage.language, is_original=is_original)

    def _placed(self, lyrics: Lyrics, *, length_s: int, language: str, is_original: bool) -> Placement:
        require_packages()
        reader = _reader(self._models.need(DATA_MODEL), self._models.installed(CHINESE_MODEL))
        place_function = place_original if is_original else place_lyrics
        return place_function(lyrics, reader, length_s=length_s, language=language)

    def _check_parent(self, parent: Recipe) -> None:
        """Check that the parent was rendered by the same code and models, which a retake needs to join it."""
        require_packages()
        changed_names = [
            model["name"]
            for model in parent.inputs["files"].values()
            if self._models.need(model["name"]).digest != model["digest"]
        ]
        changed_names += missing_adapters(parent, self._models)
        if changed_names or parent.revision != self.revision:
            description = ", ".join(changed_names) or "the engine"
            raise InputError(
                f"the parent was rendered with another version of {description}",
                remedy="Run `songline render` first, and take the passage from a new candidate",
            )


def require_packages() -> None:
    """Raise MachineError with the install command where the engine's packages are missing."""
    require_installed(PACKAGES, component="the diffrhythm engine", extras=("diffrhythm", "mulan"))


def _words(placement: Placement) -> dict[str, Json]:
    return {"tokens": placement.runs, "read_by": dict(placement.versions)}


def _stated(model: InstalledModel) -> dict[str, Json]:
    return {"name": model.spec.name, "digest": model.digest}


def _reader(data: InstalledModel, chinese: InstalledModel | None) -> Reader:
    """One reader for the life of the process: loading a language is expensive."""
    key = (data.digest, chinese.digest if chinese else None)
    if key not in _readers:
        _readers.clear()
        _readers[key] = Reader.of(data, chinese)
    return _readers[key]


_readers: dict[tuple[str, str | None], Reader] = {}
