"""What the pages show of the catalog, whatever its titles are, and in how many statements."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from catalog.catalog import Catalog
from catalog.plan.plan import PlannedAlbum
from flows.desk.html import inert
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tests.bench.free_engine import free_line
from tests.bench.scale import manifest
from tests.support.app_client import TestClient
from tests.support.inline_executor import produce
from tests.support.statements import counted

HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }} \u202e &amp; '"


@pytest.fixture(autouse=True)
def free():
    with free_line():
        yield


@pytest.fixture
def planned(settings, catalog: Catalog, tmp_path: Path):
    def of(album: str, songs: int, seeds: int = 2, title: str = "Scale") -> PlannedAlbum:
        document = manifest(songs, seeds)
        document["album"] = {"id": album, "title": title, "artist": "Ada Vale"}
        named: Any = document["songs"]
        for song in named:
            song["title"] = f"{title} {song['title']}" if title != "Scale" else song["title"]
        path = tmp_path / "album.json"
        path.write_text(json.dumps(document))
        return declare_album(catalog, read_album(path, settings))

    return of


def test_an_empty_catalog_says_how_to_begin(browser: TestClient) -> None:
    assert "songline init" in browser.get("/").text


def test_albums_songs_and_takes_are_shown_with_their_state(browser: TestClient, catalog: Catalog, planned) -> None:
    produce(catalog, planned("made", 2), "select")
    planned("planned", 3)
    page = browser.get("/").text
    assert "2 of 2 songs decided" in page
    assert "0 of 3 songs decided" in page
    assert re.findall(r'<span class="state ([a-z]+)">', page) == [
        "decided",
        "rendering",
    ]  # two albums ask for the same takes
    album = browser.get("/albums/made").text
    assert "4 of 4 rendered" in album
    assert album.count("Winner: seed") == 2
    takes = browser.get("/albums/made/songs/song-1/takes").text
    assert re.findall(r"rank (\d)", takes) == ["1", "2"]
    candidate = re.search(r"/candidates/([a-z0-9-]+)", takes)[1]
    facts = browser.get(f"/candidates/{candidate}").text
    assert "indie pop, 81 BPM" in facts
    digest = re.search(r"/lineage/([0-9a-f]{64})", facts)[1]
    assert candidate in browser.get(f"/lineage/{digest}").text
    assert "Scale" in browser.get("/disk").text
    assert "B" in browser.get("/api/disk").json()["albums"]["made"]


def test_hostile_titles_are_text_everywhere(browser: TestClient, catalog: Catalog, planned) -> None:
    produce(catalog, planned("made", 1, title=HOSTILE.replace("\u202e", "")), "select")
    takes = browser.get("/albums/made/songs/song-1/takes").text
    candidate = re.search(r"/candidates/([a-z0-9-]+)", takes)[1]
    browser.post(f"/api/candidates/{candidate}/note", json={"note": HOSTILE})
    digest = re.search(r"/lineage/([0-9a-f]{64})", takes)[1]
    places = ["/", "/albums/made", "/albums/made/songs/song-1/takes", "/albums/made/releases", "/disk"]
    for place in [*places, f"/candidates/{candidate}", f"/lineage/{digest}"]:
        page = browser.get(place).text
        assert "<script>" not in page, place
        assert "<img" not in page, place
        assert "49" not in re.findall(r"<h1>.*?</h1>", page, re.DOTALL)[0], place


def test_the_history_of_a_song_tells_its_takes_and_what_happened(
    browser: TestClient, catalog: Catalog, planned
) -> None:
    album = planned("told", 1, title=HOSTILE.replace("\u202e", ""))
    produce(catalog, album, "select")
    song = album.songs[0]
    place = f"/albums/told/songs/{song.song.id}"
    assert f'href="{place}/history"' in browser.get(f"{place}/takes").text
    page = browser.get(f"{place}/history").text
    assert all(f"data-candidate='{candidate.id}'" in page for candidate in song.candidates)
    assert page.count("<time datetime=") == len(song.candidates) + 1
    assert "<script>alert" not in page
    assert browser.get("/albums/told/songs/nothing/history").status_code == 404


def test_the_address_of_a_page_is_not_a_way_in(browser: TestClient) -> None:
    for place in ("/albums/%3Cscript%3E", "/albums/..%2f..", "/candidates/%22%3E%3Cscript%3E", "/lineage/%3Cscript%3E"):
        answer = browser.get(place)
        assert answer.status_code == 404
        assert "<script>" not in answer.text


def test_a_document_in_a_page_cannot_end_its_element() -> None:
    text = inert({"title": "</script><!--", "amp": "&lt;"})
    assert "<" not in text
    assert "&" not in text
    assert json.loads(str(text)) == {"title": "</script><!--", "amp": "&lt;"}


@pytest.mark.parametrize("place", ["/albums/nobody", "/albums/nobody/releases", "/candidates/nobody", "/?page=9"])
def test_what_is_not_there_says_so(browser: TestClient, place: str) -> None:
    answer = browser.get(place)
    assert answer.status_code == 404
    assert "<h1>Not found</h1>" in answer.text


def test_a_page_takes_as_many_statements_for_any_number_of_songs(
    browser: TestClient, catalog: Catalog, planned
) -> None:
    def statements(place: str) -> int:
        with counted(catalog.database) as sent:
            assert browser.get(place).status_code == 200
        return len(sent)

    for album, songs in (("few", 1), ("many", 7)):
        produce(catalog, planned(album, songs), "select")
    assert statements("/albums/few") == statements("/albums/many") <= 40
    before = statements("/")
    planned("third", 3)
    assert statements("/") == before <= 25


def test_a_long_album_is_shown_by_pages(browser: TestClient, planned, monkeypatch) -> None:
    monkeypatch.setattr("flows.desk.pages.albums.SONGS_A_PAGE", 2)
    planned("long", 5, seeds=1)
    first, last = browser.get("/albums/long").text, browser.get("/albums/long?page=3").text
    assert re.findall(r'id="song-song-(\d)"', first) == ["1", "2"]
    assert re.findall(r'id="song-song-(\d)"', last) == ["5"]
    assert "Page 3 of 3" in last
    assert browser.get("/albums/long?page=4").status_code == 404
    assert browser.get("/albums/long?page=0").status_code == 400


def test_scripts_and_styles_never_change_under_their_address(browser: TestClient) -> None:
    page = browser.get("/").text
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(addresses) == 3
    for address in addresses:
        answer = browser.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert browser.get(address.replace("/static/", "/static/0")).status_code == 404
    assert browser.get(f"{addresses[0].rpartition('/')[0]}/..%2fapp.py").status_code == 404
