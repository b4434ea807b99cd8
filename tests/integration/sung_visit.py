"""A visit to a page that sings along, opened from disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.integration.listened_release import DESKTOP, wait_until
from tests.integration.sung_page import write_release

SONG = "#song-1"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sung")
    write_release(folder)
    return folder


@pytest.fixture
def page(browser: Browser, release: Path) -> Iterator[Page]:
    """The page, opened from disk; it says nothing on the console and asks for nothing but files."""
    opened = browser.new_page(viewport=DESKTOP)
    said: list[str] = []
    asked: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto((release / "index.html").as_uri())
    yield opened
    opened.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def seek(page: Page, at_s: float, song: int = 1) -> None:
    audio = f"document.querySelector('#song-{song} audio.mix')"
    page.evaluate(f"{audio}.preload = 'auto'")
    wait_until(page, f"{audio}.readyState > 2")
    page.evaluate(f"{audio}.currentTime = {at_s}")
    wait_until(page, f"!{audio}.seeking")


def time_s(page: Page, selector: str = f"{SONG} audio.mix") -> float:
    return float(page.evaluate("s => document.querySelector(s).currentTime", selector))
