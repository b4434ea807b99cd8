"""The artifacts that recipes are rendered with beside their engine's models; a step must first make some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog.catalog import Catalog
from catalog.common.errors import SonglineError, WorkError
from catalog.ledger.results import step_result
from catalog.ledger.work import ExecutionEnvironment, StepRequest
from catalog.recipe import Recipe
from tasks.engines.base import RenderInput
from tasks.engines.registry import get_engine
from tasks.steps.errors import as_songline_error
from tasks.steps.run_step import run_step
from tasks.steps.settled import Statuses, until_settled

Digests = Mapping[str, str]
LOOK_S = 1.0
"""Interval at which a step that runs elsewhere is checked: leased renders wait for it."""


def collect_inputs(
    catalog: Catalog, recipes: Sequence[Recipe], execution: ExecutionEnvironment
) -> dict[str, Digests | SonglineError]:
    """By recipe digest: the digests of its inputs by role, or the error that prevents one.

    A step that several recipes need is run once, and never again while its result is in the catalog.
    """
    return {recipe.digest: _gathered(catalog, recipe, execution) for recipe in recipes}


def _gathered(catalog: Catalog, recipe: Recipe, execution: ExecutionEnvironment) -> Digests | SonglineError:
    try:
        materials = get_engine(recipe.engine, catalog.settings).materials(recipe)
        return {role: _digest(catalog, material, execution) for role, material in materials.items()}
    except Exception as exception:
        # An error of one recipe must not take the leases of the others with it.
        return as_songline_error(exception, activity="collecting the inputs of a render")


def _digest(catalog: Catalog, material: RenderInput, execution: ExecutionEnvironment) -> str:
    if material.digest is not None:
        if catalog.store.stat(material.digest) is None:
            raise WorkError(
                "an input of the recipe is no longer in the store",
                remedy="Run `songline verify --repair` and render again; a retake may have to be planned again",
                digest=material.digest,
            )
        return material.digest
    if material.request is None:
        raise WorkError("an input of the recipe has no source", remedy="Plan the album again")
    return _done(catalog, material.request, execution)[material.product]


def _done(catalog: Catalog, request: StepRequest, execution: ExecutionEnvironment) -> Digests:
    """The products of the step, which is run here if no other process has leased it."""

    def attempt() -> Statuses:
        catalog.ledger.declare_steps([request])
        return {request.key: run_step(catalog, request.key, execution)}

    while (result := step_result(catalog.database, request.key)) is None:
        until_settled(attempt, most_s=LOOK_S)
    return result.made
