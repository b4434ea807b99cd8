"""The seam that every engine plugs into, in two halves.

The light half (:class:`Engine`) needs no loaded model and no heavy import: it turns a song and a seed into a
recipe, says what that needs, and forecasts. The heavy half (:class:`Renderer`) is loaded once per shard and renders.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from catalog.album.album import Song
from catalog.album.lyrics import Lyrics
from catalog.album.notices import Notice
from catalog.common.errors import InputError, SonglineError
from catalog.ledger.work import StepRequest
from catalog.models.licences import Use
from catalog.models.used import ModelUsed
from catalog.recipe import Recipe

if TYPE_CHECKING:
    from tasks.audio.audio import Audio

SettingsModel = TypeVar("SettingsModel", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What rendering one recipe is expected to take."""

    seconds: float
    memory_bytes: int
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class RenderInput:
    """An artifact that a recipe is rendered with: known by its digest, or the ``product`` of a step yet to be done."""

    digest: str | None = None
    request: StepRequest | None = None
    product: str = ""


@dataclass(frozen=True, slots=True)
class RenderJob:
    """A recipe to render, with its materials as files by role."""

    recipe: Recipe
    files: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Extra:
    """A file that comes with a render beside its audio (MIDI, latent)."""

    data: bytes
    media_type: str
    suffix: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What one candidate cost: its share of the batch's seconds by part and of the arithmetic; memory is the batch's.

    ``flops`` counts the sampler's floating-point operations, a multiply-add as two.
    """

    device: str
    dtype: str
    batch: int
    text_s: float
    sampler_s: float
    vae_s: float
    peak_memory_bytes: int | None
    flops: float

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.text_s + self.sampler_s + self.vae_s


@dataclass(frozen=True, slots=True)
class RenderResult:
    """One finished candidate: the float stereo mix, and what came with it by name ("midi", "latent")."""

    recipe: Recipe
    audio: Audio
    extras: Mapping[str, Extra] = field(default_factory=dict)
    figures: Figures | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """One recipe that could not be rendered; the others of its batch go on."""

    recipe: Recipe
    error: SonglineError


def settings_of(song: Song, model: type[SettingsModel]) -> SettingsModel:
    """A song's settings as its engine's model has them. Raises InputError where they do not fit."""
    try:
        return model.model_validate(dict(song.settings))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"Setting {where} of song {song.id} does not fit the {song.engine} engine: {first['msg']}",
            remedy=f"The engine's settings are {', '.join(model.model_fields)}",
            song=song.id,
        ) from error


class Renderer(Protocol):
    """The heavy half: holds the loaded model for the life of a shard."""

    def render(self, orders: Sequence[RenderJob]) -> Iterator[RenderResult | Failed]:
        """Yield every order's outcome as soon as it is there, in any sequence."""

    def stems(self, recipe: Recipe) -> Mapping[str, Audio]:
        """The true parts of a render by name (vocals, drums, bass, other), summing to its mix within -90 dBFS; of a
        song without words no vocals.

        Raises RefusedError where the engine has none (``native_stems`` is False).
        """


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a rendered candidate that is to be sung again.

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
    """Recipes that sing a passage again, one a seed; the stretch that is really made anew, in the engine's grid; and
    warnings about its new words as finished sentences."""

    recipes: tuple[Recipe, ...]
    start_s: float
    end_s: float
    warnings: tuple[str, ...] = ()


class Engine(Protocol):
    """The light half. ``batches`` says that it loads a model and renders many recipes at once: such an engine gets one
    process a device, and the recipes of all songs together."""

    name: ClassVar[str]
    revision: ClassVar[int]
    native_stems: ClassVar[bool]
    batches: ClassVar[bool]
    settings_model: ClassVar[type[BaseModel]]

    def notices(self, song: Song) -> Sequence[Notice]:
        """What only this engine can say about a song: faults it would refuse, and warnings."""

    def unused(self, song: Song) -> Mapping[str, str]:
        """What the song states and this engine makes no use of: the manifest's field, and a sentence that says so."""

    def uses(self, song: Song) -> tuple[Use, ...]:
        """The models of the registry that a song needs, and what for, whether or not they are there."""

    def recipe(self, song: Song, seed: int) -> Recipe:
        """Everything that determines the sound of this song with this seed. Raises ModelMissing."""

    def retakes(self, passage: Passage, seeds: Sequence[int]) -> Retakes:
        """A passage sung again, once for each seed. Raises RefusedError where the engine cannot, InputError for times
        and where the parent can no longer be sung alike."""

    def tolerance_dbfs(self, recipe: Recipe) -> float:
        """How far two renders of a recipe may be apart and still be the same to any ear: largest sample difference."""

    def materials(self, recipe: Recipe) -> Mapping[str, RenderInput]:
        """What a recipe is rendered with beside the engine's models, by role."""

    def forecast(self, recipe: Recipe) -> Forecast:
        """Time, memory and stored bytes for one recipe on this machine."""

    def models(self, recipe: Recipe) -> tuple[ModelUsed, ...]:
        """The models and sound libraries that a recipe was made with, and their licences."""

    def load(self) -> Renderer:
        """The heavy half, ready to render."""
