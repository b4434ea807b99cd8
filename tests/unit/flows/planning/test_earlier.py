"""Albums that were planned before ``dtype: auto`` meant bfloat16 on a CPU that has it keep their finished takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the tiny models need torch")

from catalog.album.album import Album
from catalog.catalog import Catalog, open_catalog
from catalog.common.settings import Settings
from catalog.recipe import Recipe
from db.tables.album import Render
from flows.planning.plan_album import declare_album, plan_album
from flows.planning.read_manifest import read_album
from tests.integration.sung_album import sung_document, write_sung
from tests.support.tiny_models import settings_of, tiny_settings


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return tiny_settings(tmp_path_factory.mktemp("models"))


@pytest.fixture
def before(tmp_path: Path, variables: dict[str, str]) -> Settings:
    """A machine as every version up to then saw it: float32 on its CPU."""
    return settings_of(tmp_path / "home", variables).model_copy(update={"cpu_dtype": "float32"})


def now(before: Settings) -> Settings:
    return before.model_copy(update={"cpu_dtype": "bfloat16"})


def album(folder: Path, settings: Settings, **changes: Any) -> Album:
    return read_album(write_sung(folder, sung_document(**changes)), settings)


def dtypes(catalog: Catalog, read: Album) -> list[str]:
    songs = plan_album(catalog, read).songs
    return [candidate.recipe.inputs["dtype"] for song in songs for candidate in song.candidates]


def render(catalog: Catalog, *recipes: Recipe) -> None:
    """As if they had been rendered."""

    def settle(session: Any) -> None:
        for recipe in recipes:
            session.get_one(Render, recipe.digest).state = "rendered"

    catalog.database.transact(settle)


def test_finished_takes_stay_and_new_seeds_get_the_new_default(tmp_path: Path, before: Settings) -> None:
    with open_catalog(before) as catalog:
        planned = declare_album(catalog, album(tmp_path / "album", before))
        render(catalog, *(candidate.recipe for song in planned.songs for candidate in song.candidates))
    with open_catalog(now(before)) as catalog:
        same = plan_album(catalog, album(tmp_path / "album", now(before)))
        assert [song.candidates for song in same.songs] == [song.candidates for song in planned.songs]
        more = album(tmp_path / "album", now(before), seeds=(1, 2, 3))
        assert dtypes(catalog, more) == ["float32", "float32", "bfloat16", "float32"]


def test_what_was_not_rendered_is_planned_anew(tmp_path: Path, before: Settings) -> None:
    with open_catalog(before) as catalog:
        planned = declare_album(catalog, album(tmp_path / "album", before))
        render(catalog, planned.songs[0].candidates[1].recipe)
    with open_catalog(now(before)) as catalog:
        assert dtypes(catalog, album(tmp_path / "album", now(before))) == ["bfloat16", "float32", "bfloat16"]


def test_a_new_album_gets_the_new_default_and_keeps_it(tmp_path: Path, before: Settings) -> None:
    read = album(tmp_path / "album", now(before))
    with open_catalog(now(before)) as catalog:
        assert dtypes(catalog, read) == ["bfloat16"] * 3
        declare_album(catalog, read)
        stated = sung_document(defaults={"engine": "diffrhythm", "settings": {"steps": 8, "dtype": "float32"}})
        other = read_album(
            write_sung(tmp_path / "other", {**stated, "album": {**stated["album"], "id": "other"}}), before
        )
        planned = declare_album(catalog, other)
        render(catalog, *(candidate.recipe for song in planned.songs for candidate in song.candidates))
        assert dtypes(catalog, read) == ["bfloat16"] * 3, "another album's takes in float32 do not matter"


def test_a_stated_precision_has_no_earlier_recipe(tmp_path: Path, before: Settings) -> None:
    with open_catalog(before) as catalog:
        planned = declare_album(catalog, album(tmp_path / "album", before))
        render(catalog, *(candidate.recipe for song in planned.songs for candidate in song.candidates))
    stated = {"engine": "diffrhythm", "settings": {"steps": 8, "dtype": "bfloat16"}}
    with open_catalog(now(before)) as catalog:
        assert dtypes(catalog, album(tmp_path / "album", now(before), defaults=stated)) == ["bfloat16"] * 3


def test_a_cpu_without_bfloat16_plans_as_before(tmp_path: Path, before: Settings) -> None:
    with open_catalog(before) as catalog:
        assert dtypes(catalog, album(tmp_path / "album", before)) == ["float32"] * 3
