"""Recipes from before there were rules of spelling: they stay, and still sing what they sang."""

from __future__ import annotations

from tasks.engines.guide.arrangement.melody import split_words

from catalog.common.settings import Settings
from catalog.recipe import Recipe
from tasks.engines.guide.engine import GuideEngine
from tests.support.guide_songs import song

GERMAN = ((2.0, "und niemand hört mein Herz"), (6.0, "wohin soll ich nun gehen"))


def counted(recipe: Recipe) -> list[int]:
    return [syllables for _, _, syllables in recipe.inputs["lines"]]


def test_a_recipe_with_other_syllables_leads_to_the_one_before() -> None:
    engine, asked = GuideEngine(Settings()), song(GERMAN, language="de")
    recipe = engine.recipe(asked, 1)
    (before,) = engine.earlier(asked, recipe)
    assert (counted(recipe), counted(before)) == ([6, 7], [10, 7])
    assert before.inputs == {**recipe.inputs, "lines": before.inputs["lines"]}
    assert before.digest != recipe.digest


def test_where_the_rules_count_the_same_there_is_no_recipe_before() -> None:
    engine = GuideEngine(Settings())
    for asked in (song(), song((), language="de"), song(((2.0, "gehen"),), language="de")):
        assert engine.earlier(asked, engine.recipe(asked, 1)) == ()


def test_a_line_is_divided_by_the_count_of_its_recipe() -> None:
    assert split_words("und niemand", 3, "de") == ["und", "niem-", "and"]
    before = split_words("und niemand", 5, "de")
    assert [piece.endswith("-") for piece in before] == [True, False, True, True, False], (
        "two and three, as pyphen has it"
    )
    assert "".join(before).replace("-", "") == "undniemand"
