"""An album of 44.1 and 48 kHz on work pools: songs are finished once every winner is known, or one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from catalog.catalog import Catalog
from catalog.release.queries import release_by_key
from tests.support.albums import album_document
from tests.support.engine_48k import engine_48k
from tests.support.inline_executor import produce
from tests.unit.flows.orchestration.coordinated import coordinator_of, farm, run, submitted

__all__ = ["farm", "submitted"]

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    with engine_48k():
        yield


def two_rates() -> list[dict[str, Any]]:
    first, second = (song | {"seeds": [1]} for song in album_document()["songs"])
    return [first, second | {"engine": "guide48"}, first | {"id": "three", "title": "Song Three", "seeds": [3]}]


@pytest.mark.parametrize(("stated", "finishing"), [({}, {("one", "three", "two")}), ({"rate": 44100}, None)])
def test_the_winners_rate_is_the_same_on_the_farm(
    catalog: Catalog, submitted, farm, stated: dict[str, int], finishing: set[tuple[str, ...]] | None
) -> None:
    asked = submitted(until="release", songs=two_rates(), **stated)
    coordinator = coordinator_of(catalog, asked, farm, shard_minutes=0.5)
    assert run(coordinator, farm, catalog) == "all settled"
    assert coordinator.failures == {}
    song_runs = [run.work for run in farm.runs.values() if run.flow == "finish-song"]
    finished = {tuple(sorted(work.songs)) for work in song_runs if work.until == "finish"}
    assert finished == finishing if finishing else len(finished) > 1
    produced, executor = produce(catalog, asked[0])
    assert [sentence.partition(" ")[0] for sentence in executor.steps] == ["pack"]
    tracks = release_by_key(catalog.database, produced.release_key).document["tracks"]
    assert [track["song"] for track in tracks if track.get("resampled")] == ["two"]
