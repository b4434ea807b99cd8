from __future__ import annotations

from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.ledger.results import render_products
from catalog.recipe import Recipe
from db.session import DatabaseError
from tasks.rendering import inputs
from tasks.rendering import render_shard as render_shard_module
from tests.support.engines import FaultyEngine
from tests.support.inline_executor import HERE

pytestmark = pytest.mark.slow

RECIPES = [Recipe("faulty", 1, seed, 2.0, {"prompt": "x"}) for seed in (1, 2, 3)]
KEYS = [recipe.digest for recipe in RECIPES]


@pytest.fixture(autouse=True)
def faulty(monkeypatch: pytest.MonkeyPatch):
    FaultyEngine.queue.clear()
    FaultyEngine.rendered.clear()
    monkeypatch.setattr(render_shard_module, "get_engine", lambda *_: FaultyEngine())
    monkeypatch.setattr(inputs, "get_engine", lambda *_: FaultyEngine())
    render_shard_module.renderer_of.cache_clear()
    yield FaultyEngine
    render_shard_module.renderer_of.cache_clear()


def shard(catalog):
    catalog.ledger.declare_renders(RECIPES)
    return {key: status.state for key, status in render_shard_module.render_shard(catalog, KEYS, HERE).items()}


def test_a_shard_renders_all_and_a_second_time_nothing(catalog: Catalog, faulty) -> None:
    assert set(shard(catalog).values()) == {"rendered"}
    assert set(shard(catalog).values()) == {"rendered"}
    assert faulty.rendered == [1, 2, 3]
    assert all("audio" in render_products(catalog.database, key) for key in KEYS)


def test_one_poisoned_candidate_never_sinks_its_shard(catalog: Catalog, faulty) -> None:
    faulty.queue.extend(["tone", "fail", "tone"])
    assert list(shard(catalog).values()) == ["rendered", "failed", "rendered"]
    error = catalog.ledger.statuses("render", KEYS)[KEYS[1]].error
    assert error is not None
    assert error["error"] == "these lyrics cannot be sung"
    assert error["remedy"] == "Change them"


def test_transient_trouble_goes_back_to_planned(catalog: Catalog, faulty) -> None:
    faulty.queue.extend(["oom", "tone", "tone"])
    assert list(shard(catalog).values()) == ["planned", "rendered", "rendered"]


def test_an_engine_that_breaks_in_its_batch_fails_only_what_breaks_it(catalog: Catalog, faulty) -> None:
    faulty.queue.extend(["tone", "crash", "crash", "tone"])
    assert list(shard(catalog).values()) == ["rendered", "failed", "rendered"]
    error = catalog.ledger.statuses("render", KEYS)[KEYS[1]].error
    assert error is not None
    assert "ZeroDivisionError" in error["error"]
    assert "songline retry" in error["remedy"]


def test_a_commit_that_breaks_costs_an_attempt_of_that_render_only(
    catalog: Catalog, faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit_many = catalog.ledger.commit_many

    def busy_for_the_first(batch):
        if KEYS[0] in {work.lease.key for work in batch}:
            raise DatabaseError("database is locked")
        return commit_many(batch)

    monkeypatch.setattr(catalog.ledger, "commit_many", busy_for_the_first)
    assert list(shard(catalog).values()) == ["planned", "rendered", "rendered"]


def test_the_same_audio_from_two_recipes_is_stored_once(catalog: Catalog, tmp_path: Path) -> None:
    shard(catalog)
    digests = {render_products(catalog.database, key)["audio"] for key in KEYS}
    assert len(digests) == 3
    again = render_shard_module.render_once(catalog, RECIPES[0], HERE)
    from tasks.audio.files import write_wav

    path = tmp_path / "again.wav"
    write_wav(path, again.audio, subtype="FLOAT")
    assert catalog.store.put(path).digest in digests
