"""Expected render times: an engine's forecast, corrected by recently measured ones."""

from __future__ import annotations

from collections.abc import Callable

from catalog.catalog import Catalog
from catalog.monitoring.render_speed import measured_factors
from catalog.recipe import Recipe
from tasks.engines.registry import get_engine


def expected_render_seconds(catalog: Catalog) -> Callable[[Recipe], float]:
    """Return a function that gives a recipe's expected seconds on the devices that rendered recently."""

    def forecast(recipe: Recipe) -> float:
        return get_engine(recipe.engine, catalog.settings).forecast(recipe).seconds

    factors = measured_factors(catalog.database, forecast)
    return lambda recipe: forecast(recipe) * factors.get(recipe.engine, 1.0)
