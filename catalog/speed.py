"""How long renders really took, against what their engine forecast."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from statistics import median

import sqlalchemy as sa

from catalog.recipe import Recipe
from db.production import Render
from db.provenance import Activity
from db.session import Database

NEWEST = 200
FEWEST = 3


def measured_factors(database: Database, forecast_s: Callable[[Recipe], float]) -> dict[str, float]:
    """For each engine with enough renders of late, the median of measured over forecast seconds."""
    newest = (
        sa.select(Activity.work_key, Activity.seconds)
        .where(Activity.kind == "render", Activity.outcome == "done")
        .order_by(Activity.started_at.desc())
        .limit(NEWEST)
        .subquery()
    )
    query = sa.select(Render.recipe, newest.c.seconds).join(newest, newest.c.work_key == Render.key)
    with database.read() as session:
        rows = session.execute(query).all()
    ratios: dict[str, list[float]] = defaultdict(list)
    for document, seconds in rows:
        recipe = Recipe.from_document(document)
        if (forecast := forecast_s(recipe)) > 0:
            ratios[recipe.engine].append(seconds / forecast)
    return {engine: median(found) for engine, found in ratios.items() if len(found) >= FEWEST}
