"""``albums``, ``status``, ``du``, ``remove`` and ``gc --keep-builds`` as they are run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.catalog import open_catalog
from catalog.common.settings import Settings
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tests.support.albums import album_document, write_album
from tests.support.commands import Album
from tests.support.inline_executor import produce

DOCUMENT = album_document(songs=album_document()["songs"][:1])


@pytest.fixture
def album(tmp_path: Path) -> Album:
    """An album that is made."""
    settings = Settings(home=tmp_path / "home", workers=2)
    manifest = write_album(tmp_path / "album", DOCUMENT)
    with open_catalog(settings) as catalog:
        produced, _ = produce(catalog, declare_album(catalog, read_album(manifest, settings)))
        assert produced.failures == {}
    return Album(settings.home, manifest, tmp_path / "out" / "small")


def test_an_album_is_listed_weighed_and_removed(album: Album) -> None:
    for command in (["albums"], ["status"]):
        (listed,) = album.json(*command)["albums"]
        assert (listed["id"], listed["songs"], listed["builds"]) == ("small", 1, 1)
    assert "Small Album" in album.run("status").stdout

    use = album.json("du")
    (small,) = use["albums"]
    assert small["bytes"] == small["own_bytes"] == use["store"]["bytes"] == sum(small["kinds"].values())
    assert use["free_bytes"] > 0
    assert "small" in album.run("du", album.manifest).stdout
    assert "no album 'other'" in album.run("du", "other", code=2).stderr

    refused = album.run("remove", "small", "--json", code=2)
    assert "Add --yes" in json.loads(refused.stderr)["remedy"]
    told = album.json("remove", "small", "--dry-run")
    assert told["bytes"] == small["own_bytes"]
    assert len(album.json("albums")["albums"]) == 1
    removed = album.run("remove", album.manifest, "--yes").stdout
    assert "1 song, 2 candidates, 1 build" in removed
    assert "are not touched" in removed
    assert album.json("albums") == {"albums": []}
    assert album.json("verify")["checked"] == 0
    assert album.json("du")["store"]["bytes"] == 0
    assert "no album 'small'" in album.run("remove", "small", "--yes", code=2).stderr


def test_old_builds_are_removed_on_request(album: Album) -> None:
    settings = Settings(home=album.home, workers=2)
    renamed = write_album(album.manifest.parent, DOCUMENT | {"mastering": {"profile": "apple"}})
    with open_catalog(settings) as catalog:
        produce(catalog, declare_album(catalog, read_album(renamed, settings)))
    told = album.json("gc", "--keep-builds", "1", "--dry-run")["old_builds"]
    assert told["builds"] == [{"album": "small", "build": 1}]
    removed = album.run("gc", "--keep-builds", "1").stdout
    assert "The files of 1 older build, and what no album needs, removed (" in removed
    assert "lineage stays" in removed
    assert "without a row" not in removed
    listed = album.run("albums").stdout
    assert "builds kept" in listed
    assert "2 of 1" not in listed
    assert album.json("gc", "--keep-builds", "1")["old_builds"]["builds"] == []
    assert album.json("verify")["missing"] == []
    album.run("gc", "--keep-builds", "0", code=2)
