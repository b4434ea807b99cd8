"""How often the wall writes: Prefect's database must not grow with the length of an album."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from catalog.catalog import Catalog
from flows.artifacts import album_runs, artifacts
from flows.artifacts.artifacts import AlbumArtifacts, ArtifactWriter
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tests.support.albums import write_album
from tests.support.inline_executor import produce

pytestmark = pytest.mark.slow


class Server:
    """Prefect's server as a board sees it; ``away`` makes it unreachable."""

    def __init__(self):
        self.made = {}
        self.updates = 0
        self.away = False

    async def create(self, markdown, *, key, description):
        if self.away:
            raise httpx.ConnectError("away")
        page_id = uuid4()
        self.made[page_id] = (key, markdown)
        return page_id

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    async def read_flow_runs(self, **_):
        return []

    async def update_artifact(self, page_id, artifact):
        if self.away:
            raise httpx.ConnectError("away")
        self.updates += 1
        self.made[page_id] = (self.made[page_id][0], artifact.data)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch):
    made = Server()
    monkeypatch.setattr(artifacts, "acreate_markdown_artifact", made.create)
    monkeypatch.setattr(artifacts, "get_client", lambda: made)
    monkeypatch.setattr(album_runs, "get_client", lambda: made)
    return made


def test_a_page_is_made_once_and_changed_only_where_it_says_something_new(server) -> None:
    async def show():
        board = ArtifactWriter("Night Bus")
        for text in ("one", "one", "two", "two"):
            await board.show("songs", text, description="Songs")

    asyncio.run(show())
    assert list(server.made.values()) == [("songs-night-bus", "two")]
    assert server.updates == 1


def test_what_could_not_be_written_is_written_later(server) -> None:
    async def show():
        board = ArtifactWriter("Night Bus")
        for text, away in (("one", True), ("one", False), ("two", True), ("two", False)):
            server.away = away
            await board.show("songs", text, description="Songs")

    asyncio.run(show())
    assert list(server.made.values()) == [("songs-night-bus", "two")]


def test_between_two_looks_there_is_time(
    server, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = declare_album(catalog, read_album(write_album(tmp_path), catalog.settings))
    looked = []
    monkeypatch.setattr(artifacts, "songs_of", lambda *_, **__: looked.append(1) or [])
    wall = AlbumArtifacts(catalog, planned)

    async def show():
        for now in (False, False, False, True):
            await wall.show({}, now=now)

    asyncio.run(show())
    assert len(looked) == 2


def test_the_pages_of_an_album_that_is_done(server, catalog: Catalog, tmp_path: Path) -> None:
    planned = declare_album(catalog, read_album(write_album(tmp_path), catalog.settings))
    made, _ = produce(catalog, planned, "select")
    wall = AlbumArtifacts(catalog, planned)
    asyncio.run(wall.finish(made))
    asyncio.run(wall.link("file:///mnt/releases/small/index.html"))
    pages = dict(server.made.values())
    assert sorted(pages) == ["listen-small", "report-small", "scores-one-small", "scores-two-small", "songs-small"]
    assert "2 decided · 4 of 4 takes rendered" in pages["songs-small"]
    assert "`file:///mnt/releases/small/index.html`" in pages["listen-small"]
    assert "](file:" not in pages["listen-small"]
