"""The protocols of an engine, in two halves.

The light half (:class:`Engine`) needs no loaded model and no heavy import: it turns a song and a seed into a recipe,
states its inputs and models, and forecasts. The heavy half (:class:`Renderer`) is loaded once per shard and renders.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from catalog.album.album import Song
from catalog.album.notices import Notice
from catalog.common.digests import Json
from catalog.common.errors import InputError, SonglineError
from catalog.ledger.work import StepRequest
from catalog.lyrics.lyrics import Lyrics
from catalog.models.licences import Use
from catalog.models.used import ModelUsed
from catalog.recipe import Recipe

if TYPE_CHECKING:
    from tasks.audio.audio import Audio

SettingsModel = TypeVar("SettingsModel", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Forecast:
    """The expected cost of rendering one recipe."""

    seconds: float
    memory_bytes: int
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class RenderInput:
    """An input artifact of a recipe: identified by its digest, or as the ``product`` of a step that has not run yet."""

    digest: str | None = None
    request: StepRequest | None = None
    product: str = ""


@dataclass(frozen=True, slots=True)
class RenderJob:
    """A recipe to render, with its inputs as files by role."""

    recipe: Recipe
    files: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Extra:
    """A file that a render produces beside its audio (MIDI, latent)."""

    data: bytes
    media_type: str
    suffix: str


@dataclass(frozen=True, slots=True)
class Figures:
    """The cost of one candidate: its share of the batch's seconds by part and of its operations; memory is the batch's.

    ``flops`` counts the sampler's operations, a multiply-add as two. ``weights`` names the form of quantised weights,
    ``forward_error`` their relative error in one evaluation; both are None for full ones.
    """

    device: str
    dtype: str
    batch: int
    text_s: float
    sampler_s: float
    vae_s: float
    peak_memory_bytes: int | None
    flops: float
    weights: str | None = None
    forward_error: float | None = None

    def document(self) -> dict[str, Json]:
        """The figures as an activity keeps them; full weights are not stated."""
        document: dict[str, Json] = asdict(self)
        quantised = ("weights", "forward_error")
        return {name: value for name, value in document.items() if name not in quantised or value is not None}

    @property
    def seconds(self) -> float:
        """The sum of all parts."""
        return self.text_s + self.sampler_s + self.vae_s


@dataclass(frozen=True, slots=True)
class RenderResult:
    """One finished candidate: the float stereo mix, and its extra files by name ("midi", "latent")."""

    recipe: Recipe
    audio: Audio
    extras: Mapping[str, Extra] = field(default_factory=dict)
    figures: Figures | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """One recipe that could not be rendered; the others of its batch continue."""

    recipe: Recipe
    error: SonglineError


def settings_of(song: Song, model: type[SettingsModel]) -> SettingsModel:
    """A song's settings as its engine's model. Raises InputError where they do not fit."""
    try:
        return model.model_validate(dict(song.settings))
    except ValidationError as error:
        first_error = error.errors()[0]
        field_path = ".".join(str(part) for part in first_error["loc"])
        name = f"Setting {field_path}" if field_path else "A setting"
        raise InputError(
            f"{name} of song {song.id} does not fit the {song.engine} engine: {first_error['msg']}",
            remedy=f"The engine's settings are {', '.join(model.model_fields)}",
            song=song.id,
        ) from error


class Renderer(Protocol):
    """The heavy half: holds the loaded model for the life of a shard."""

    def render(self, orders: Sequence[RenderJob]) -> Iterator[RenderResult | Failed]:
        """Yield the result of every order as soon as it is finished, in any sequence."""

    def stems(self, recipe: Recipe) -> Mapping[str, Audio]:
        """The true stems of a render by name (vocals, drums, bass, other), summing to its mix within -90 dBFS.

        A song without words has no vocals. Raises RefusedError where the engine has no stems (``native_stems`` is
        False).
        """


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of a rendered candidate to be retaken.

    ``products`` are the parent's artifacts by role; ``lyrics`` the whole song's where they change.
    """

    parent: Recipe
    products: Mapping[str, str]
    start_s: float
    end_s: float
    language: str
    lyrics: Lyrics | None = None


@dataclass(frozen=True, slots=True)
class Retakes:
    """The recipes of a retake, one per seed; the passage in the engine's grid; warnings on new words, as sentences."""

    recipes: tuple[Recipe, ...]
    start_s: float
    end_s: float
    warnings: tuple[str, ...] = ()


class Engine(Protocol):
    """The light half.

    ``batches`` states that it loads a model and renders many recipes at once: such an engine gets one process per
    device, and the recipes of all songs in common batches. ``keeps_times`` states that words are sung at the times of
    the lyrics, ``rate_hz`` is the rate of its sound. ``packages`` are those beyond Songline's own that planning or
    rendering needs, ``suggested_models`` the models of the registry that a first song needs; both are for
    ``songline doctor``.
    """

    name: ClassVar[str]
    revision: ClassVar[int]
    native_stems: ClassVar[bool]
    batches: ClassVar[bool]
    keeps_times: ClassVar[bool]
    rate_hz: ClassVar[int]
    settings_model: ClassVar[type[BaseModel]]
    packages: ClassVar[tuple[str, ...]]
    suggested_models: ClassVar[tuple[str, ...]]

    def notices(self, song: Song) -> Sequence[Notice]:
        """The engine's own notices about a song: faults that it would refuse, and warnings."""

    def unused(self, song: Song) -> Mapping[str, str]:
        """The fields of the song that this engine ignores: the manifest's field, and a sentence about it."""

    def uses(self, song: Song) -> tuple[Use, ...]:
        """The models of the registry that a song needs, and their purpose, whether or not they are installed."""

    def recipe(self, song: Song, seed: int) -> Recipe:
        """The recipe that determines the sound of this song with this seed. Raises ModelMissing."""

    def earlier(self, song: Song, recipe: Recipe) -> tuple[Recipe, ...]:
        """The recipes that earlier versions made of this song where they now make ``recipe``: a finished take of one
        of them stays in its album."""

    def retakes(self, passage: Passage, seeds: Sequence[int]) -> Retakes:
        """Recipes for a retake of a passage, one per seed.

        Raises RefusedError where the engine has no retakes, InputError for invalid times and where the parent can no
        longer be rendered the same way.
        """

    def tolerance_dbfs(self, recipe: Recipe) -> float:
        """The largest sample difference, dBFS, at which two renders of a recipe still sound the same to anyone."""

    def tolerance_note(self, recipe: Recipe) -> str:
        """What to know about that tolerance, as a sentence; "" where there is nothing."""

    def materials(self, recipe: Recipe) -> Mapping[str, RenderInput]:
        """The inputs of a recipe beside the engine's models, by role."""

    def forecast(self, recipe: Recipe) -> Forecast:
        """Time, memory and stored bytes for one recipe on this machine."""

    def models(self, recipe: Recipe) -> tuple[ModelUsed, ...]:
        """The models and sound libraries of a recipe, and their licences."""

    def explain(self, song: Song, recipe: Recipe) -> Mapping[str, Json]:
        """What the engine gets for a song, by name, for ``plan --explain``: texts as they are read, models, values."""

    def load(self) -> Renderer:
        """The heavy half, ready to render."""
