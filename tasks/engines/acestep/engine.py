"""The light half of the ACE-Step engine: from a song and a seed to a recipe, without loading a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel

from catalog.album.album import Song
from catalog.album.notices import Notice
from catalog.common.digests import Json
from catalog.common.errors import InputError, RefusedError
from catalog.common.packages import require_installed
from catalog.common.settings import Settings
from catalog.models.licences import Use
from catalog.models.store import InstalledModel, ModelStore
from catalog.models.used import ModelUsed
from catalog.recipe import Recipe
from tasks.engines.acestep import inputs as engine_inputs
from tasks.engines.acestep.forecast import forecast
from tasks.engines.acestep.names import FRAME_RATE_HZ, NETWORK_PREFIX, PACKAGES, RATE_HZ, TEXT_MODEL, VAE_MODEL
from tasks.engines.acestep.settings import AceStepSettings
from tasks.engines.acestep.texts import as_repaint, song_lyrics
from tasks.engines.acestep.tokens import token_counter
from tasks.engines.adapters.stated import adapters_document, adapters_in_words, adapters_of, missing_adapters
from tasks.engines.base import Forecast, Passage, RenderInput, Retakes, settings_of
from tasks.engines.passages import span_between

if TYPE_CHECKING:
    from tasks.engines.acestep.renderer import AceStepRenderer

LEAST_FRAMES = 10
"""The shortest passage worth regenerating, 0.4 s; a shorter one is widened to it."""

TOLERANCES_DBFS: Mapping[str, float] = {"float32": -80.0, "float16": -45.0, "bfloat16": -30.0}
"""Between batches of other sizes. Measured on tiny networks; assumed for the published ones."""


class AceStepEngine:
    """Sings lyrics in the style of a prompt, and of a reference if there is one, by ACE-Step 1.5."""

    name: ClassVar[str] = "acestep"
    revision: ClassVar[int] = 1
    native_stems: ClassVar[bool] = False
    batches: ClassVar[bool] = True
    keeps_times: ClassVar[bool] = False
    rate_hz: ClassVar[int] = RATE_HZ
    settings_model: ClassVar[type[BaseModel]] = AceStepSettings
    packages: ClassVar[tuple[str, ...]] = PACKAGES
    suggested_models: ClassVar[tuple[str, ...]] = (f"{NETWORK_PREFIX}turbo", VAE_MODEL, TEXT_MODEL)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._models = ModelStore(settings.models_path, table=settings.models_table)

    def notices(self, song: Song) -> Sequence[Notice]:
        """Impossible lengths, marks and adapters; times that are not kept, texts that do not fit, other languages."""
        settings = settings_of(song, AceStepSettings)
        faults = list(engine_inputs.faults(song, settings, self._models))
        return faults or list(engine_inputs.warnings(song, settings, self._models))

    def unused(self, song: Song) -> Mapping[str, str]:
        """A style vector, and adapters of weight 0."""
        try:
            return dict(engine_inputs.unused(song, settings_of(song, AceStepSettings)))
        except InputError:
            return {}  # reported as a fault

    def uses(self, song: Song) -> tuple[Use, ...]:
        """Network, adapters, decoder and text encoder."""
        settings = settings_of(song, AceStepSettings)
        names = (settings.network, *(adapter.model for adapter in settings.adapters), VAE_MODEL)
        return (*(Use(name, "generates") for name in names), Use(TEXT_MODEL, "conditions"))

    def recipe(self, song: Song, seed: int) -> Recipe:
        """All inputs of the network. Raises ModelMissing, MachineError without the packages, InputError."""
        settings = settings_of(song, AceStepSettings)
        require_packages()
        network, vae, text = self._models.need_all((settings.network, VAE_MODEL, TEXT_MODEL))
        texts = engine_inputs.song_texts(song, settings, token_counter(self._models))
        inputs: dict[str, Json] = {
            "files": {"network": _stated(network), "vae": _stated(vae), "text": _stated(text)},
            "prompt": texts.prompt,
            "lyrics": texts.lyrics,
            "frames": engine_inputs.frames_of(song.length_s),
            "steps": settings.sampler_steps,
            "shift": settings.shift,
            "dtype": settings.network_dtype(self._settings),
            "vae_dtype": settings.vae_dtype,
            **({} if settings.sampler_guidance is None else {"guidance": settings.sampler_guidance}),
            **({"reference": song.reference_digest} if song.reference is not None else {}),
            **adapters_document(settings.adapters, self._models),
        }
        return Recipe(engine=self.name, revision=self.revision, seed=seed, length_s=song.length_s, inputs=inputs)

    def earlier(self, song: Song, recipe: Recipe) -> tuple[Recipe, ...]:
        """None: no version made another recipe of the same song."""
        return ()

    def retakes(self, passage: Passage, seeds: Sequence[int]) -> Retakes:
        """The parent's recipe with a passage regenerated between its latents, and its new words if they change."""
        parent = passage.parent
        self._check_parent(parent)
        if missing_roles := [role for role in ("latent", "audio") if role not in passage.products]:
            raise RefusedError(f"the candidate has no {missing_roles[0]} to start from", remedy="Render it first")
        if passage.end_s > parent.length_s + 1:
            raise InputError(
                f"the passage ends at {passage.end_s:g} s, and the song has {parent.length_s:g} s",
                remedy="Let the passage end with the song, or before",
            )
        span = span_between(
            passage.start_s,
            passage.end_s,
            song_frames=parent.inputs["frames"],
            frame_rate_hz=FRAME_RATE_HZ,
            least_frames=LEAST_FRAMES,
        )
        inputs = {
            **parent.inputs,
            "prompt": as_repaint(parent.inputs["prompt"]),
            **self._new_words(passage),
            "passage": {
                "frames": [span.start_frame, span.end_frame],
                "seconds": [round(span.start_s, 3), round(span.end_s, 3)],
                "latent": passage.products["latent"],
                "audio": passage.products["audio"],
            },
            "parent": parent.digest,
        }
        recipes = (Recipe(parent.engine, parent.revision, seed, parent.length_s, inputs) for seed in seeds)
        return Retakes(tuple(recipes), start_s=span.start_s, end_s=span.end_s)

    def tolerance_dbfs(self, recipe: Recipe) -> float:
        """By precision: batches of other sizes round differently."""
        return TOLERANCES_DBFS[recipe.inputs["dtype"]]

    def tolerance_note(self, recipe: Recipe) -> str:
        """That it was measured on small networks, where rounding is coarse."""
        if recipe.inputs["dtype"] == "float32":
            return ""
        limit = self.tolerance_dbfs(recipe)
        return f"Up to {limit:g} dBFS counts as the same in {recipe.inputs['dtype']}, as measured on small networks."

    def materials(self, recipe: Recipe) -> Mapping[str, RenderInput]:
        """The reference, and for a retake its parent's latent and audio."""
        materials = {}
        if reference := recipe.inputs.get("reference"):
            materials["reference"] = RenderInput(digest=reference)
        if passage := recipe.inputs.get("passage"):
            materials["parent_latent"] = RenderInput(digest=passage["latent"])
            materials["parent_audio"] = RenderInput(digest=passage["audio"])
        return materials

    def forecast(self, recipe: Recipe) -> Forecast:
        """Time, memory and stored bytes of one recipe, from the arithmetic of its network."""
        installed = {part: self._models.installed(stated["name"]) for part, stated in recipe.inputs["files"].items()}
        sizes = {part: model.size_bytes if model else 0 for part, model in installed.items()}
        return forecast(
            recipe,
            network_bytes=sizes["network"],
            other_bytes=sizes["vae"] + sizes["text"],
            device=self._settings.device_of_renders,
            has_bfloat16=self._settings.dtype_on_cpu == "bfloat16",
        )

    def models(self, recipe: Recipe) -> tuple[ModelUsed, ...]:
        """Network, decoder, text encoder and adapters of a recipe, with their licences."""
        roles = {"network": "generates", "vae": "generates", "text": "conditions"}
        models = (
            model.model_copy(update={"role": roles[part]})
            for part, stated in recipe.inputs["files"].items()
            for model in self._models.models_used(stated["name"], digest=stated["digest"])
        )
        return (*models, *adapters_of(recipe, self._models))

    def explain(self, song: Song, recipe: Recipe) -> Mapping[str, Json]:
        """Both texts exactly as they are tokenised, with their tokens, and the values of the sampler."""
        count, inputs = token_counter(self._models), recipe.inputs
        return {
            **{part: stated["name"] for part, stated in inputs["files"].items()},
            **adapters_in_words(song, recipe),
            "prompt": inputs["prompt"],
            "prompt_tokens": count(inputs["prompt"]),
            "lyrics": inputs["lyrics"],
            "lyric_tokens": count(inputs["lyrics"]),
            **({"reference": song.reference.name} if song.reference else {}),
            **{name: inputs[name] for name in ("steps", "guidance", "shift", "dtype", "vae_dtype") if name in inputs},
        }

    def load(self) -> AceStepRenderer:
        """The heavy half; networks are loaded when a recipe first needs them. Raises MachineError without torch."""
        require_packages()
        from tasks.engines.acestep.renderer import AceStepRenderer

        return AceStepRenderer(self._settings)

    def _new_words(self, passage: Passage) -> dict[str, Json]:
        """The new lyrics of the whole song, where they change."""
        if passage.lyrics is None:
            return {}
        engine_inputs.check_marks(passage.lyrics, "")
        language = engine_inputs.sung_language(passage.language)
        return {"lyrics": song_lyrics(passage.lyrics, language, token_counter(self._models))}

    def _check_parent(self, parent: Recipe) -> None:
        """Check that the parent was rendered by the same code and models, which a retake needs to join it."""
        require_packages()
        files = parent.inputs["files"].values()
        changed = [stated["name"] for stated in files if self._models.need(stated["name"]).digest != stated["digest"]]
        changed += missing_adapters(parent, self._models)
        if changed or parent.revision != self.revision:
            raise InputError(
                f"the parent was rendered with another version of {', '.join(changed) or 'the engine'}",
                remedy="Run `songline render` first, and take the passage from a new candidate",
            )


def require_packages() -> None:
    """Raise MachineError with the install command where the engine's packages are missing."""
    require_installed(PACKAGES, component="the acestep engine", extras=("acestep",))


def _stated(model: InstalledModel) -> dict[str, Json]:
    return {"name": model.spec.name, "digest": model.digest}
