"""Takes made elsewhere in the plan: behind the retakes, whichever came first."""

from __future__ import annotations

import pytest

from catalog.catalog import Catalog
from catalog.common.takes import IMPORTED
from catalog.plan.imports import offer_import, with_imports
from catalog.recipe import Recipe
from tests.unit.catalog.plan.test_retakes import WORDS, album_of, ids, plan, take


def imported(catalog: Catalog, digest: str) -> str:
    """Offer a file to the song ``one``; returns the candidate's id."""

    def recipe_of(number: int) -> Recipe:
        return Recipe(IMPORTED, 1, number, 20.0, {"take": digest})

    candidate, is_new = offer_import(
        catalog.database,
        "small",
        "one",
        take_digest=digest,
        recipe_of=recipe_of,
        prompt="x",
        lyrics=WORDS,
        own_lyrics=False,
    )
    assert is_new
    return candidate.id


@pytest.mark.both_databases
def test_retakes_and_takes_made_elsewhere_have_one_order_in_the_plan_and_in_the_catalog(catalog: Catalog) -> None:
    album = album_of("one")
    first, second = plan(catalog, album)["one"]
    imports = [imported(catalog, "aa" * 32)]
    taken = ids(take(catalog, first, 2, 3))
    imports.append(imported(catalog, "bb" * 32))
    planned = with_imports(catalog.database, album.id, plan(catalog, album))["one"]
    assert ids(planned) == [first.id, second.id, *taken, *imports]
    orders = [candidate.order for candidate in planned]
    assert orders == sorted(set(orders))
