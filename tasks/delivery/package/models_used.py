"""The models and sound libraries used for a candidate, and their licences."""

from __future__ import annotations

from collections.abc import Callable, Collection

from catalog.common.settings import Settings
from catalog.models.store import ModelStore
from catalog.models.used import ModelUsed
from catalog.recipe import Recipe
from tasks.engines.registry import get_engine, is_installed
from tasks.scoring.registry import models_of_scorer
from tasks.separation.demucs.models import STEM_MODELS


def models_of(settings: Settings) -> Callable[[Recipe, Collection[str]], tuple[ModelUsed, ...]]:
    """A function from a recipe and the names of its scorers and separators to the models used, each once.

    An engine or a scorer that is no longer installed is left out: its revision is still in the lineage.
    """
    store = ModelStore(settings.models_path, table=settings.models_table)

    def used(recipe: Recipe, listeners: Collection[str]) -> tuple[ModelUsed, ...]:
        engine_models = get_engine(recipe.engine, settings).models(recipe) if is_installed(recipe.engine) else ()
        judges = dict.fromkeys(name for listener in listeners for name in models_of_scorer(listener))
        judge_models = (
            model.model_copy(update={"role": "judges"}) for name in judges for model in store.models_used(name)
        )
        separator_models = (
            model for listener in listeners if listener in STEM_MODELS for model in store.models_used(listener)
        )
        return tuple(
            dict.fromkeys(
                (
                    *engine_models,
                    *judge_models,
                    *(model.model_copy(update={"role": "separates"}) for model in separator_models),
                )
            )
        )

    return used
