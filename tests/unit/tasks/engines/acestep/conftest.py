"""Tiny ACE-Step models in one folder for the whole session, songs for the engine, and short orders for its renderer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from catalog.album.album import Song
from catalog.common.settings import Settings
from catalog.models.store import ModelStore
from tasks.engines.acestep.engine import AceStepEngine
from tasks.engines.base import RenderJob
from tests.support.guide_songs import song as any_song

if TYPE_CHECKING:
    from tasks.engines.acestep.renderer import AceStepRenderer

FRAMES = 26
"""About a second of sound."""

NONE: Mapping[str, object] = {}
NO_FILES: Mapping[str, Path] = {}


@pytest.fixture(scope="session")
def ace_variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where every model of the engine is installed in tiny; never to be changed."""
    pytest.importorskip("torch")
    pytest.importorskip("diffusers")
    from tests.support.tiny_acestep import acestep_variables

    return acestep_variables(tmp_path_factory.mktemp("acestep"))


@pytest.fixture(scope="session")
def here(tmp_path_factory: pytest.TempPathFactory, ace_variables: dict[str, str]) -> Settings:
    """Settings that point to the tiny models, with one thread."""
    from tests.support.tiny_models import settings_of

    return settings_of(tmp_path_factory.mktemp("home"), ace_variables).model_copy(update={"workers": 1})


@pytest.fixture(scope="session")
def models(here: Settings) -> ModelStore:
    """Their store."""
    return ModelStore(here.models_path, here.models_table)


@pytest.fixture(scope="session")
def engine(here: Settings) -> AceStepEngine:
    """The light half on them."""
    return AceStepEngine(here)


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a machine without any model."""
    folder = tmp_path_factory.mktemp("bare")
    return Settings(home=folder, models=folder / "models", device="cpu")


@pytest.fixture(scope="session")
def song() -> Callable[..., Song]:
    """A song of two lines and 12 s in float32, with fields changed."""

    def made(**changes: object) -> Song:
        settings = {"dtype": "float32", **changes.pop("settings", {})}  # type: ignore[dict-item]
        return any_song(**{"engine": "acestep", "settings": settings, **changes})

    return made


@pytest.fixture(scope="module")
def renderer(here: Settings) -> AceStepRenderer:
    """A renderer on the tiny models; it keeps them loaded for a module."""
    from tasks.engines.acestep.renderer import AceStepRenderer

    return AceStepRenderer(here)


@pytest.fixture(scope="session")
def order(engine: AceStepEngine, song: Callable[..., Song]) -> Callable[..., RenderJob]:
    """An order of :data:`FRAMES` frames for a song with fields changed, or with ``inputs`` of its recipe changed."""

    def made(
        seed: int = 1,
        *,
        inputs: Mapping[str, object] = NONE,
        files: Mapping[str, Path] = NO_FILES,
        **changes: object,
    ) -> RenderJob:
        recipe = engine.recipe(song(**changes), seed)
        return RenderJob(replace(recipe, inputs={**recipe.inputs, "frames": FRAMES, **inputs}), files)

    return made
