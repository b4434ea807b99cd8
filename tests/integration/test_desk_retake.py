"""A passage retaken from a page of a running `songline desk`, with an engine that sings."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.integration.desk_visit import running_desk
from tests.integration.sung_album import Sung

pytestmark = pytest.mark.slow
LONG_MS = 240_000


def test_a_retake_with_new_words_appears_among_the_takes(browser: Browser, sung: Sung, tmp_path) -> None:
    album = sung.copied(tmp_path)
    before = set(album.candidates("one").values())
    parent = sorted(before)[0]
    with running_desk(album, **album.variables) as desk:
        page = browser.new_page()
        page.goto(desk.link)
        page.goto(f"{desk.origin}/candidates/{parent}")
        page.click("#retake summary")
        page.fill("#retake [name=from]", "0:05")
        page.fill("#retake [name=to]", "10.0")
        page.fill("#retake [name=words]", "[00:06.00]A line that nobody knows")
        page.fill("#retake [name=seeds]", "1")
        page.click("#retake [type=submit]")
        job = page.locator("#work .job").first
        expect(job.locator(".state")).to_have_text("done", timeout=LONG_MS)
        page.goto(f"{desk.origin}/albums/sung/songs/one/takes")
        takes = [name.inner_text() for name in page.locator("#takes h3").all()]
        page.close()
    made = set(takes) - before
    assert len(made) == 1
    assert made.pop().startswith("one-r")
    assert list((album.home / "scratch").glob("**/words.lrc")) == []
