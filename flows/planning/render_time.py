"""How long a render should take: its engine's forecast, corrected by what such renders took of late."""

from __future__ import annotations

from collections.abc import Callable

from catalog.catalog import Catalog
from catalog.monitoring.render_speed import measured_factors
from catalog.recipe import Recipe
from tasks.engines.registry import get_engine


def expected_render_seconds(catalog: Catalog) -> Callable[[Recipe], float]:
    """A function that gives a recipe's expected seconds on the devices that rendered of late."""

    def forecast(recipe: Recipe) -> float:
        return get_engine(recipe.engine, catalog.settings).forecast(recipe).seconds

    factors = measured_factors(catalog.database, forecast)
    return lambda recipe: forecast(recipe) * factors.get(recipe.engine, 1.0)
