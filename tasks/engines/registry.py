"""Which engines there are: one line each, imported only when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from catalog.errors import InputError
from catalog.recipe import Recipe
from catalog.release import ModelUsed
from tasks.engines.base import Engine

ENGINES: Mapping[str, str] = MappingProxyType(
    {
        "guide": "tasks.engines.guide.engine:GuideEngine",
    }
)
"""Engine name to ``module:class`` of its light half."""


def get_engine(name: str) -> Engine:
    """The light half of the engine ``name``. Raises InputError for a name that is not registered."""
    if name not in ENGINES:
        raise InputError(f"There is no engine named {name}", remedy=f"Use one of: {', '.join(sorted(ENGINES))}")
    module, _, attribute = ENGINES[name].partition(":")
    engine: Engine = getattr(import_module(module), attribute)()
    return engine


def models_of(recipe: Recipe) -> tuple[ModelUsed, ...]:
    """What a recipe was made with, with its licences; nothing for an engine that is no longer here."""
    return get_engine(recipe.engine).models(recipe) if recipe.engine in ENGINES else ()
