"""A passage marked in the audition of a sung song and sung again: by the real desk, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.integration.auditioned_song import Audition, desk
from tests.integration.sung_album import Sung

pytestmark = pytest.mark.slow

WORDS = "Seven lanterns on the water"


@pytest.fixture
def own(sung: Sung, tmp_path: Path) -> Sung:
    return sung.copied(tmp_path)


@pytest.fixture
def visit(browser: Browser, own: Sung) -> Iterator[Audition]:
    with desk(own.home, **own.variables) as link:
        audition = Audition(browser, link)
        audition.open("/albums/sung/songs/one")
        yield audition
        audition.close()
        assert audition.said == []


def test_a_passage_with_new_words_is_sung_again_and_appears_while_it_plays(visit: Audition, own: Sung) -> None:
    count = visit.page.locator(".take").count()
    visit.press("1", "Space")
    visit.plays(1)
    visit.script("page.mark(5, 10)")
    assert visit.page.input_value("[name=words]") == "One more stop and I am home"
    visit.page.fill("[name=words]", WORDS)
    visit.page.fill("[name=seeds]", "1")
    visit.page.click("text=Retake this passage")
    for _ in range(10):  # a take of a song of 95 s takes a while
        visit.page.wait_for_timeout(2000)
        if visit.page.inner_text(".retake .sent").endswith("done."):
            break
    visit.until(f"document.querySelectorAll('.take').length === {count + 1}")
    visit.until(f"!document.querySelectorAll('.hear')[{count}].disabled")
    (parent,) = own.ask("SELECT parent_id FROM candidate WHERE parent_id IS NOT NULL")
    row = visit.page.inner_text(f".take:nth-child({count + 1})")
    assert f"retake of {parent}" in row
    assert visit.script("return page.player.state.playing")
    visit.page.click(f".take:nth-child({count + 1}) .hear")
    visit.plays(count + 1)
    visit.until(f"document.querySelector('.lyrics').textContent.includes('{WORDS}')")
    visit.press("1")
    visit.until(f"!document.querySelector('.lyrics').textContent.includes('{WORDS}')")
