"""Keeps the finished takes of albums whose recipes an earlier version made with other defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog.album.album import Album
from catalog.catalog import Catalog
from catalog.plan.queries import planned_renders
from catalog.recipe import Recipe
from tasks.engines.registry import get_engine

Recipes = Mapping[str, Sequence[Recipe]]
"""By song id, in the order of the song's seeds."""


def with_earlier(catalog: Catalog, album: Album, recipes: Recipes) -> Recipes:
    """The recipes, each replaced by the one that an earlier version made in its place, where that one is rendered.

    A recipe that the album's plan has already stays. So a finished album is not rendered anew where a default has
    changed, and new seeds of it get the new default.
    """
    earlier = _earlier(catalog, album, recipes)
    if not earlier:
        return recipes
    planned = planned_renders(catalog.database, album.id)
    olds = {key: old for key, old in earlier.items() if key not in planned}
    statuses = catalog.ledger.statuses("render", [old.digest for each in olds.values() for old in each])
    rendered = {key for key, status in statuses.items() if status.state == "rendered"}

    def kept(recipe: Recipe) -> Recipe:
        return next((old for old in olds.get(recipe.digest, ()) if old.digest in rendered), recipe)

    return {song: [kept(recipe) for recipe in of_song] for song, of_song in recipes.items()}


def _earlier(catalog: Catalog, album: Album, recipes: Recipes) -> dict[str, tuple[Recipe, ...]]:
    """The earlier recipes by the digest of the present one, for those that have any."""
    found = {}
    for song in album.songs:
        for recipe in recipes[song.id]:
            engine = get_engine(recipe.engine, catalog.settings)
            if olds := engine.earlier(song.rendered_by(recipe.engine), recipe):
                found[recipe.digest] = olds
    return found
