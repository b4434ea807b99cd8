"""Recipes from before there were rules of spelling: they stay in their albums."""

from __future__ import annotations

from catalog.common.settings import Settings
from catalog.recipe import Recipe
from tasks.engines.guide.engine import GuideEngine
from tests.support.guide_songs import song

GERMAN = ((2.0, "und niemand hört mein Herz"), (6.0, "wohin soll ich nun gehen"))


def counted(recipe: Recipe) -> list[int]:
    return [syllables for _, _, syllables in recipe.inputs["lines"]]


def test_the_recipe_of_revision_1_counts_as_it_did_then() -> None:
    engine, asked = GuideEngine(Settings()), song(GERMAN, language="de", settings={"voice": "instrument"})
    recipe = engine.recipe(asked, 1)
    (before,) = engine.earlier(asked, recipe)
    assert (counted(recipe), counted(before)) == ([6, 7], [10, 7])
    assert before.revision == 1
