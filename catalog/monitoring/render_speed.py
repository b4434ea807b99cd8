"""Measured render times compared with the engines' forecasts, and the recent cost of every other step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import sqlalchemy as sa

from catalog.recipe import Recipe
from db.session import Database
from db.tables.album import Render
from db.tables.provenance import Activity, ActivityArtifact, Artifact

NEWEST = 200
FEWEST = 3


def measured_factors(database: Database, forecast_s: Callable[[Recipe], float]) -> dict[str, float]:
    """For each engine with enough recent renders, the median of measured over forecast seconds."""
    newest_activities = (
        sa.select(Activity.work_key, Activity.seconds)
        .where(Activity.kind == "render", Activity.outcome == "done")
        .order_by(Activity.started_at.desc())
        .limit(NEWEST)
        .subquery()
    )
    query = sa.select(Render.recipe, newest_activities.c.seconds).join(
        newest_activities, newest_activities.c.work_key == Render.key
    )
    with database.read() as session:
        rows = session.execute(query).all()
    ratios: dict[str, list[float]] = defaultdict(list)
    for document, seconds in rows:
        recipe = Recipe.from_document(document)
        if (forecast := forecast_s(recipe)) > 0:
            ratios[recipe.engine].append(seconds / forecast)
    return {engine: median(engine_ratios) for engine, engine_ratios in ratios.items() if len(engine_ratios) >= FEWEST}


NEWEST_STEPS = 30
"""Number of activities of each kind from which its usual cost is computed."""

_VARIED = frozenset({"encode", "judge", "demix"})
"""Kinds whose cost depends on a parameter: the format, the judge, the model."""


@dataclass(frozen=True, slots=True)
class StepCost:
    """The recent cost of a step of one kind: the median of its seconds and of the bytes that it made."""

    seconds: float
    made_bytes: float


def measured_steps(database: Database, kinds: Iterable[str]) -> dict[str, StepCost]:
    """The usual cost of each kind of step (see :func:`variant_of`) that was done often enough recently."""
    newest_activities = sa.union_all(*(_newest_of(kind) for kind in kinds)).subquery()
    made_bytes = (
        sa.select(sa.func.coalesce(sa.func.sum(Artifact.size), 0))
        .select_from(ActivityArtifact)
        .join(Artifact, Artifact.digest == ActivityArtifact.artifact_digest)
        .where(ActivityArtifact.activity_id == newest_activities.c.id, ActivityArtifact.direction == "made")
        .scalar_subquery()
    )
    with database.read() as session:
        rows = session.execute(
            sa.select(
                newest_activities.c.kind,
                newest_activities.c.seconds,
                newest_activities.c.parameters,
                made_bytes.label("made"),
            )
        ).all()
    costs_by_variant: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        costs_by_variant[variant_of(row.kind, row.parameters or {})].append((row.seconds, float(row.made)))
    return {
        name: StepCost(median(seconds for seconds, _ in costs), median(size for _, size in costs))
        for name, costs in costs_by_variant.items()
        if len(costs) >= FEWEST
    }


def variant_of(kind: str, parameters: Mapping[str, Any]) -> str:
    """A kind of step with the parameter that its cost depends on: ``encode mp3_320``, ``judge clap``, ``demix
    htdemucs``."""
    if kind not in _VARIED:
        return kind
    parameter_getters = {
        "encode": lambda: parameters["deliverable"],
        "judge": lambda: parameters["judge"]["name"],
        "demix": lambda: parameters["model"],
    }
    return f"{kind} {parameter_getters[kind]()}"


def usual_length_s(database: Database) -> float | None:
    """The median length of recently rendered songs, to which those costs apply; None where there were too few."""
    query = (
        sa.select(Activity.parameters)
        .where(Activity.kind == "render", Activity.outcome == "done")
        .order_by(Activity.started_at.desc())
        .limit(NEWEST_STEPS)
    )
    with database.read() as session:
        lengths = [float(recipe["length_s"]) for recipe in session.scalars(query)]
    return median(lengths) if len(lengths) >= FEWEST else None


def _newest_of(kind: str) -> sa.Select[Any]:
    parameters = Activity.parameters if kind in _VARIED else sa.cast(sa.null(), Activity.parameters.type)
    newest_activities = (
        sa.select(Activity.id, Activity.kind, Activity.seconds, parameters.label("parameters"))
        .where(Activity.kind == kind, Activity.outcome == "done")
        .order_by(Activity.started_at.desc())
        .limit(NEWEST_STEPS)
        .subquery()
    )
    return sa.select(newest_activities)
