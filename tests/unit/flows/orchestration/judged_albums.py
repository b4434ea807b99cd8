"""An album with a judge, and a catalog as each machine sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.catalog import open_catalog
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tests.support.albums import album_document, write_album
from tests.support.judges import SELECTION, machine, only_charm

ONE_SONG = {"songs": album_document()["songs"][:1]}
JUDGED = {"selection": SELECTION, **ONE_SONG}


@pytest.fixture(autouse=True)
def judges():
    with only_charm():
        yield


@pytest.fixture
def catalog_of(settings, tmp_path: Path):
    """A function that opens the catalog as one machine sees it."""

    def enter(name, weights=None, **models):
        return open_catalog(machine(settings, tmp_path / name, weights, **models))

    return enter


def plan(catalog, folder, **changes):
    return declare_album(catalog, read_album(write_album(folder, album_document(**changes)), catalog.settings))
