"""Which models and sound libraries took part in a candidate, and under which licences."""

from __future__ import annotations

from collections.abc import Callable, Collection

from catalog.model_store import ModelStore
from catalog.recipe import Recipe
from catalog.release import ModelUsed
from catalog.settings import Settings
from tasks.engines.registry import ENGINES, get_engine
from tasks.scoring.registry import models_of_scorer


def models_of(settings: Settings) -> Callable[[Recipe, Collection[str]], tuple[ModelUsed, ...]]:
    """A function from a recipe and the names of the scorers that judged it to what took part, each once.

    An engine or a scorer that is no longer here is left out: its revision still stands in the lineage.
    """
    store = ModelStore(settings.models_path, table=settings.models_table)

    def used(recipe: Recipe, scorers: Collection[str]) -> tuple[ModelUsed, ...]:
        made = get_engine(recipe.engine, settings).models(recipe) if recipe.engine in ENGINES else ()
        judges = dict.fromkeys(name for scorer in scorers for name in models_of_scorer(scorer))
        judged = (model.model_copy(update={"role": "judges"}) for name in judges for model in store.models_used(name))
        return tuple(dict.fromkeys((*made, *judged)))

    return used
