"""Albums of songs that are rendered at no cost, in the catalog of the app."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.common.settings import Settings
from catalog.plan.plan import PlannedAlbum
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tests.bench.free_engine import free_line
from tests.bench.scale import manifest

Planned = Callable[..., PlannedAlbum]


@pytest.fixture(autouse=True)
def free() -> Iterator[None]:
    with free_line():
        yield


@pytest.fixture
def planned(settings: Settings, catalog: Catalog, tmp_path: Path) -> Planned:
    """Declares an album of this many songs and takes of each, with a title for its first song."""

    def of(songs: int = 1, seeds: int = 3, title: str = "First") -> PlannedAlbum:
        document = manifest(songs, seeds)
        document["album"] |= {"id": "made", "title": title}
        document["songs"][0]["title"] = title
        path = tmp_path / "album.json"
        path.write_text(json.dumps(document))
        return declare_album(catalog, read_album(path, settings))

    return of
