"""``share`` by the real command: what a listener gets, and what not."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.integration.listened_release import wait_until
from tests.integration.rendered_album import album, rendered
from tests.integration.test_bucket_album import variables
from tests.support.albums import album_document, write_album
from tests.support.commands import Album, files_of, songline

__all__ = ["album", "rendered", "variables"]

pytestmark = pytest.mark.slow

PROMPT = "indie pop, 120 BPM, A minor"


@pytest.fixture
def folder(rendered: Album, tmp_path: Path) -> Path:
    told = rendered.json("share", "small", "--out", tmp_path)
    assert told["folder"] == str(tmp_path / "small")
    return tmp_path / "small"


@pytest.fixture
def page(browser: Browser, folder: Path) -> Iterator[Page]:
    opened = browser.new_page()
    opened.goto((folder / "index.html").as_uri())
    yield opened
    opened.close()


def test_a_folder_has_the_songs_and_the_page_and_tells_nothing_of_the_work(rendered: Album, folder: Path) -> None:
    assert set(files_of(folder)) == {"index.html", "mp3_320/01 - Song One.mp3", "mp3_320/02 - Song Two.mp3"}
    html = (folder / "index.html").read_text()
    body = html.partition("</style>")[2].partition("<script>")[0]
    winners = [song["winner"] for song in rendered.json("status", "small")["songs"]]
    for private in (PROMPT, *winners, "Downloads", "Stems", "Every take", "LUFS", "Build 1", "Why this take", "seed"):
        assert private not in body, private
    assert "Streetlights hum along the wire" in re.sub("<[^>]+>", "", body)
    refused = rendered.run("share", "small", "--out", folder.parent, code=2)
    assert "is there already" in refused.stderr


def test_downloads_are_there_on_request_and_an_older_build_by_its_number(rendered: Album, tmp_path: Path) -> None:
    told = rendered.json("share", "small@1", "--out", tmp_path, "--downloads")
    assert {path.partition("/")[0] for path in told["files"]} == {"wav24", "flac24", "mp3_320", "index.html"}
    assert "Downloads" in (tmp_path / "small" / "index.html").read_text()
    assert "has no build 9" in rendered.run("share", "small@9", "--out", tmp_path, code=2).stderr
    assert "bucket" in rendered.run("share", "small", "--link", code=3).stderr


def test_the_album_plays_from_one_song_into_the_next(page: Page) -> None:
    page.click("button.all")
    wait_until(page, "document.querySelector('#song-1 audio.mix').currentTime > 0.2")
    page.evaluate(
        "() => { const mix = document.querySelector('#song-1 audio.mix'); mix.currentTime = mix.duration - 3 }"
    )
    page.evaluate("""() => {
      const [one, two] = document.querySelectorAll('audio.mix');
      window.gap = null;
      two.addEventListener('playing', () => { window.begun = performance.now() });
      one.addEventListener('ended', () => { window.over = performance.now() });
    }""")
    wait_until(page, "window.begun && window.over && document.querySelector('#song-2 audio.mix').currentTime > 0.3")
    assert abs(page.evaluate("window.begun - window.over")) < 250


def test_a_link_to_a_song_opens_it_and_one_press_plays_it(page: Page, folder: Path) -> None:
    page.goto("about:blank")
    page.goto((folder / "index.html").as_uri() + "#song-2")
    assert page.inner_text(".deck .playing bdi") == "Song Two"
    page.keyboard.press("Space")
    wait_until(page, "document.querySelector('#song-2 audio.mix').currentTime > 0.1")
    assert page.evaluate("document.querySelector('#song-1 audio.mix').paused")


def test_a_page_in_a_bucket_plays_until_it_is_ended(moto, tmp_path: Path, variables, browser: Browser) -> None:
    home = tmp_path / "home"
    manifest = write_album(tmp_path / "album", album_document(songs=album_document()["songs"][:1]))
    shared = Album(home, manifest, tmp_path / "out")
    shared.run("render", manifest, "--out", tmp_path / "out", **variables)
    told = shared.json("share", "small", "--link", "--days", "1", **variables)
    with urllib.request.urlopen(told["link"]) as answer:
        assert answer.headers["Content-Type"].startswith("text/html")
        html = answer.read().decode()
    assert PROMPT not in html
    opened = browser.new_page()
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.goto(told["link"])
    opened.click("#song-1 button.play")
    wait_until(opened, "document.querySelector('#song-1 audio.mix').currentTime > 0.1")
    opened.close()
    assert said == []
    (listed,) = shared.json("share", "small", "--list", **variables)["shared"]
    assert listed["expires_at"] == told["expires_at"]
    assert songline("verify", home=home, **variables).returncode == 0
    assert songline("gc", home=home, **variables).returncode == 0
    assert shared.json("share", "small", "--end", **variables)["ended"] == [listed["page"]]
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(told["link"])
    assert "equal to 7" in shared.run("share", "small", "--link", "--days", "8", code=2, **variables).stderr
