"""The seam that every engine plugs into, in two halves.

The light half (:class:`Engine`) needs no model and no heavy import: it turns a song and a seed into a
recipe and forecasts. The heavy half (:class:`Renderer`) is loaded once per shard and renders recipes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from pydantic import BaseModel

from catalog.album import Song
from catalog.errors import SonglineError
from catalog.recipe import Recipe
from catalog.release import ModelUsed

if TYPE_CHECKING:
    from tasks.audio.audio import Audio


@dataclass(frozen=True, slots=True)
class Forecast:
    """What rendering one recipe is expected to take."""

    seconds: float
    memory_bytes: int
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class Extra:
    """A file that comes with a render beside its audio (MIDI, latent)."""

    data: bytes
    media_type: str
    suffix: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """One finished candidate: the float stereo mix, and what came with it by name ("midi", "latent")."""

    recipe: Recipe
    audio: Audio
    extras: Mapping[str, Extra] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """One recipe that could not be rendered; the others of its batch go on."""

    recipe: Recipe
    error: SonglineError


class Renderer(Protocol):
    """The heavy half: holds the loaded model for the life of a shard."""

    def render(self, recipes: Sequence[Recipe]) -> Iterator[Rendered | Failed]:
        """Yield every recipe's outcome as soon as it is there, in any order."""

    def stems(self, recipe: Recipe) -> Mapping[str, Audio]:
        """The true parts of a render by name (vocals, drums, bass, other), summing to its mix within -90 dBFS.

        Raises RefusedError where the engine has none (``native_stems`` is False).
        """


class Engine(Protocol):
    """The light half."""

    name: ClassVar[str]
    revision: ClassVar[int]
    native_stems: ClassVar[bool]
    settings_model: ClassVar[type[BaseModel]]

    def recipe(self, song: Song, seed: int) -> Recipe:
        """Everything that determines the sound of this song with this seed."""

    def forecast(self, recipe: Recipe) -> Forecast:
        """Time, memory and stored bytes for one recipe on this machine."""

    def models(self, recipe: Recipe) -> tuple[ModelUsed, ...]:
        """The models and sound libraries that a recipe was made with, and their licences."""

    def load(self) -> Renderer:
        """The heavy half, ready to render."""
