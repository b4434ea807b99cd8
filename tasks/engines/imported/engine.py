"""The engine of takes made elsewhere: it renders nothing, and reads the stored file of a take again.

No manifest names it; its recipes are made by :func:`imported_recipe` when a take is added to a song.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from catalog.album.album import Song
from catalog.album.notices import Notice
from catalog.common.digests import Json
from catalog.common.errors import InputError, RefusedError, SonglineError
from catalog.common.settings import Settings
from catalog.common.takes import IMPORTED
from catalog.models.licences import Use
from catalog.models.used import ModelUsed
from catalog.recipe import Recipe
from tasks.audio.audio import Audio
from tasks.audio.files import at_rate, read_audio
from tasks.engines.base import Failed, Forecast, Passage, RenderInput, RenderJob, RenderResult, Retakes

REVISION = 1
TAKE = "take"
"""Role of the file among a recipe's inputs."""

RATES_HZ = (44100, 48000)
"""The rates that a take may keep; any other is converted to the first, or to the second where it divides the rate."""

SECONDS_PER_S = 0.02
BYTES_PER_S = 2 * 4 * 48000


class ImportedSettings(BaseModel):
    """None."""

    model_config = ConfigDict(extra="forbid")


def imported_recipe(
    digest: str, *, number: int, length_s: float, rate_hz: int, origin: str, licence: str, commercial: bool
) -> Recipe:
    """The recipe of a song's ``number``-th take from elsewhere, whose file is stored as ``digest``."""
    stated: dict[str, Json] = {"origin": origin, "licence": licence, "commercial": commercial}
    inputs: dict[str, Json] = {TAKE: digest, "rate_hz": rate_hz, **stated}
    return Recipe(engine=IMPORTED, revision=REVISION, seed=number, length_s=length_s, inputs=inputs)


def kept_rate_hz(rate_hz: int) -> int:
    """The rate in Hz that a take of ``rate_hz`` is kept at."""
    if rate_hz in RATES_HZ:
        return rate_hz
    return RATES_HZ[1] if rate_hz % RATES_HZ[1] == 0 else RATES_HZ[0]


def take_audio(audio: Audio, rate_hz: int) -> Audio:
    """A take as the line handles it: two channels, at ``rate_hz``.

    Raises InputError for more than two channels, samples that are not numbers, and silence.
    """
    if audio.channels > 2:
        raise InputError(f"it has {audio.channels} channels", remedy="Give a mono or stereo mix")
    if not audio.frames or not np.isfinite(audio.samples).all():
        problem = "it has samples that are not numbers" if audio.frames else "it is empty"
        raise InputError(problem, remedy="Export the take again")
    if not np.abs(audio.samples).max():
        raise InputError("it is silent", remedy="Export the take again")
    stereo = audio if audio.channels == 2 else Audio.of(np.repeat(audio.samples, 2, axis=0), audio.rate)
    return at_rate(stereo, rate_hz)


class ImportedEngine:
    """See the module; planning asks it only for costs, models and inputs of its recipes."""

    name: ClassVar[str] = IMPORTED
    revision: ClassVar[int] = REVISION
    native_stems: ClassVar[bool] = False
    batches: ClassVar[bool] = False
    keeps_times: ClassVar[bool] = True
    rate_hz: ClassVar[int] = RATES_HZ[0]
    settings_model: ClassVar[type[BaseModel]] = ImportedSettings
    packages: ClassVar[tuple[str, ...]] = ()
    suggested_models: ClassVar[tuple[str, ...]] = ()

    def __init__(self, settings: Settings) -> None:
        """No setting matters."""

    def notices(self, song: Song) -> Sequence[Notice]:
        """None."""
        return ()

    def unused(self, song: Song) -> Mapping[str, str]:
        """None: what was used is not known."""
        return {}

    def uses(self, song: Song) -> tuple[Use, ...]:
        """No model of the registry."""
        return ()

    def recipe(self, song: Song, seed: int) -> Recipe:
        """Refused: see :func:`imported_recipe`."""
        raise _not_made_here("No recipe can be planned for it")

    def earlier(self, song: Song, recipe: Recipe) -> tuple[Recipe, ...]:
        """None."""
        return ()

    def explain(self, song: Song, recipe: Recipe) -> Mapping[str, Json]:
        """Where the take comes from."""
        return {"origin": recipe.inputs["origin"], "licence": recipe.inputs["licence"]}

    def retakes(self, passage: Passage, seeds: Sequence[int]) -> Retakes:
        """Refused: nothing here can sing the passage as the rest was sung."""
        raise _not_made_here("No passage of it can be rendered again")

    def tolerance_dbfs(self, recipe: Recipe) -> float:
        """None: the same file is read."""
        return float("-inf")

    def tolerance_note(self, recipe: Recipe) -> str:
        """Nothing."""
        return ""

    def materials(self, recipe: Recipe) -> Mapping[str, RenderInput]:
        """The stored file."""
        return {TAKE: RenderInput(digest=recipe.inputs[TAKE])}

    def forecast(self, recipe: Recipe) -> Forecast:
        """The cost of reading the file again."""
        stored_bytes = round(recipe.length_s * BYTES_PER_S)
        return Forecast(SECONDS_PER_S * recipe.length_s, 4 * stored_bytes, stored_bytes)

    def models(self, recipe: Recipe) -> tuple[ModelUsed, ...]:
        """Its origin under its licence, as stated when the take was added."""
        stated = recipe.inputs
        return (ModelUsed(name=stated["origin"], revision="as stated", licence=stated["licence"], role="generates"),)

    def load(self) -> ImportedRenderer:
        """See :class:`tasks.engines.base.Engine`."""
        return ImportedRenderer()


class ImportedRenderer:
    """Reads takes from their stored files."""

    def render(self, orders: Sequence[RenderJob]) -> Iterator[RenderResult | Failed]:
        """Each take as float audio at the recipe's rate."""
        for order in orders:
            try:
                audio = take_audio(read_audio(order.files[TAKE]), order.recipe.inputs["rate_hz"])
            except SonglineError as error:
                yield Failed(order.recipe, error)
            else:
                yield RenderResult(order.recipe, audio)

    def stems(self, recipe: Recipe) -> Mapping[str, Audio]:
        """Refused: the file is a mix."""
        raise _not_made_here("It has no stems of its own", remedy="Name a separation model under `stems`, or `none`")


def _not_made_here(problem: str, *, remedy: str = "Work on it where it was made, and add the new file") -> RefusedError:
    return RefusedError(f"The take was made elsewhere. {problem}", remedy=remedy)
