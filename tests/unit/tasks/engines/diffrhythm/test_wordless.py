"""A song without words on DiffRhythm: every frame is silent text, which the network was trained to take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from catalog.common.settings import Settings
from tasks.engines.base import Passage, RenderResult
from tasks.engines.diffrhythm.engine import DiffRhythmEngine
from tests.support.guide_songs import song


def wordless(style: Any, **settings: Any) -> Any:
    return replace(song((), length_s=95.0), engine="diffrhythm", style=style, style_digest="0" * 64, settings=settings)


@pytest.mark.parametrize("settings", [{}, {"lyrics": "original"}])
def test_a_song_without_words_is_legal(here: Settings, style: Any, settings: dict[str, Any]) -> None:
    engine, asked = DiffRhythmEngine(here), wordless(style, **settings)
    assert [notice for notice in engine.notices(asked) if notice.kind != "hint"] == []
    recipe = engine.recipe(asked, 1)
    assert recipe.inputs["tokens"] == []
    assert recipe.inputs["frames"] == 2048


def test_the_language_of_no_words_is_no_remark(here: Settings, style: Any) -> None:
    engine = DiffRhythmEngine(here)
    asked = replace(wordless(style), language="de")
    assert [notice for notice in engine.notices(asked) if notice.field == "language"] == []
    sung = replace(song(((10.0, "Nacht"),), length_s=95.0, language="de"), engine="diffrhythm", settings={})
    remarks = [notice.message for notice in engine.notices(replace(sung, style=style, style_digest="0" * 64))]
    assert any("sings English and Chinese" in remark for remark in remarks)


def test_a_passage_without_words_can_be_taken_again(here: Settings, style: Any) -> None:
    engine = DiffRhythmEngine(here)
    parent = engine.recipe(wordless(style), 1)
    products = {"audio": "a" * 64, "latent": "b" * 64}
    taken = engine.retakes(Passage(parent, products, 10.0, 20.0, "en"), [2, 3])
    assert [(recipe.seed, recipe.inputs["tokens"]) for recipe in taken.recipes] == [(2, []), (3, [])]
    assert taken.warnings == ()


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_silent_text_is_rendered(renderer: Any, make: Any) -> None:
    (made,) = renderer.render([make(tokens=[])])
    assert isinstance(made, RenderResult), made
