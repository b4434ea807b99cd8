"""The audition of a song in a real browser: heard, compared, followed, decided, by keys alone and on a phone."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route

from tests.integration.auditioned_song import PHONE, Audition, desk, ramp
from tests.integration.rendered_album import rendered
from tests.support.commands import Album

__all__ = ["rendered"]

pytestmark = pytest.mark.slow

HOSTILE = '</script><img src=x onerror="document.title=1">'
ONE = "/albums/small/songs/one"


@pytest.fixture(scope="module")
def own(rendered: Album, tmp_path_factory: pytest.TempPathFactory) -> Album:
    """A copy of the album, whose first song has a hostile title."""
    home = tmp_path_factory.mktemp("desk") / "home"
    shutil.copytree(rendered.home, home)
    with closing(sqlite3.connect(home / "catalog.sqlite3")) as connection, connection:
        (manifest,) = connection.execute("SELECT manifest FROM album").fetchone()
        changed = manifest.replace('"Song One"', json.dumps(HOSTILE))
        assert changed != manifest
        connection.execute("UPDATE album SET manifest = ?", (changed,))
    return replace(rendered, home=home)


@pytest.fixture(scope="module")
def link(own: Album) -> Iterator[str]:
    with desk(own.home) as address:
        yield address


@pytest.fixture
def visit(browser: Browser, link: str) -> Iterator[Audition]:
    """A visit to the audition that must stay silent on the console."""
    audition = Audition(browser, link)
    audition.open(ONE)
    yield audition
    audition.close()
    assert audition.said == []


def rows(visit: Audition) -> list[str]:
    return [" ".join(text.split()) for text in visit.page.locator(".take").all_inner_texts()]


def test_every_candidate_is_there_by_rank_with_score_gates_and_who_decided(visit: Audition, own: Album) -> None:
    scored = own.json("scores", "small")["songs"][0]["candidates"]
    shown = rows(visit)
    assert len(shown) == len(scored)
    for place, (row, take) in enumerate(zip(shown, scored, strict=True), 1):
        assert row.startswith(f"{place} #{take['rank']} seed {take['seed']}")
        assert f"score {take['score']:.3f}" in row
        assert "passes all gates" in row
    assert [("chosen by the policy" in row) for row in shown] == [True, False]
    assert visit.page.locator(".tables tbody tr").count() > 20


def test_numbers_arrows_and_space_do_what_the_list_of_keys_says(visit: Audition) -> None:
    visit.press("Space")
    visit.plays(1)
    visit.press("2")
    visit.plays(2)
    visit.press("ArrowUp")
    visit.plays(1)
    visit.press("ArrowDown")
    visit.plays(2)
    assert visit.pressed == ["seed 2"] or visit.pressed == ["seed 1"]
    visit.press("Space")
    visit.until("!document.querySelector('.audition').classList.contains('playing')")
    assert visit.page.get_attribute(".play", "aria-label") == "Play"
    visit.press("?")
    assert visit.page.is_visible("dialog.keys")
    visit.press("Escape")


def test_arrows_go_from_line_to_line_and_the_words_follow(visit: Audition) -> None:
    starts = visit.script(
        "return [...document.querySelectorAll('.lyrics li[data-start]')].map((e) => +e.dataset.start)"
    )
    visit.press("ArrowRight")
    first = visit.position_s
    assert any(abs(first - start) < 0.01 for start in starts)
    visit.press("ArrowRight")
    assert visit.position_s > first
    visit.until("document.querySelector('.lyrics .active')")
    assert visit.page.locator(".lyrics .active").count() == 1
    visit.press("Shift+ArrowLeft")
    assert visit.position_s < first + 5
    visit.page.focus(".scope")
    visit.press("Home")
    assert visit.position_s == 0
    assert visit.page.get_attribute(".scope", "aria-valuetext") == "0:00 of 0:10"


def test_a_line_and_a_section_are_looped(visit: Audition) -> None:
    visit.press("ArrowRight", "l")
    line = visit.script("return page.span")
    assert line["to_s"] > line["from_s"]
    assert visit.page.is_visible(".span.loop")
    visit.press("l")
    section = visit.script("return page.span")
    assert section["from_s"] <= line["from_s"]
    assert section["to_s"] - section["from_s"] >= line["to_s"] - line["from_s"]
    visit.press("l")
    assert visit.script("return page.span") is None


def test_master_and_stems_take_the_place_of_the_mix_at_the_same_moment(visit: Audition) -> None:
    visit.press("1", "Space")
    visit.plays(1)
    before = visit.position_s
    ids = []
    for key in ("t", "t", "s", "m"):
        visit.press(key)
        visit.plays(1)
        ids.append(visit.script("return page.player.state.sound"))
    assert len(set(ids)) == 3  # the master, the mix, and a stem as quiet as it is
    assert visit.position_s > before
    gain = visit.script("return page.player.chosen.gain")
    assert gain == 1
    visit.press("m")
    assert visit.script("return page.player.chosen.gain") != 1


def test_a_pick_and_a_note_are_shown_without_a_reload_while_it_plays(visit: Audition) -> None:
    visit.script("window.stays = true")
    visit.press("2", "Space")
    visit.plays(2)
    visit.press("n")
    visit.page.keyboard.type(HOSTILE)
    visit.press("Enter")
    visit.until("document.querySelector('.opinions .remark')")
    assert visit.page.inner_text(".opinions .remark") == HOSTILE
    visit.page.click("[data-act=pick]")
    visit.until("document.querySelector('.take.winner .standing')?.textContent.startsWith('picked by')")
    assert visit.page.get_attribute("[data-act=pick]", "aria-pressed") == "true"
    assert visit.script("return [page.player.state.playing, window.stays]") == [True, True]
    visit.press("u")
    visit.until("!document.querySelector('.take .standing').textContent.includes('picked')")
    visit.press("r")
    visit.until("document.querySelector('.take.rejected')")
    visit.press("u")
    visit.until("!document.querySelector('.take.rejected')")
    assert visit.page.locator("img").count() == 0
    assert visit.page.inner_text("h1") == HOSTILE


def test_a_passage_is_marked_and_handed_on(visit: Audition) -> None:
    sent: list[object] = []

    def answer(route: Route) -> None:
        sent.append(json.loads(route.request.post_data or ""))
        route.fulfill(json={"takes": []})

    visit.page.route("**/api/candidates/*/retake", answer)
    box = visit.page.locator(".scope").bounding_box()
    assert box is not None
    visit.page.mouse.move(box["x"] + 0.05 * box["width"], box["y"] + 20)
    visit.page.mouse.down()
    visit.page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 20, steps=4)
    visit.page.mouse.up()
    assert visit.position_s == 0  # dragging does not move the position
    assert visit.page.input_value("[name=words]").startswith("Streetlights hum")
    visit.page.fill("[name=words]", "Other words along the wire\nOne more stop and I am home")
    visit.page.click("text=Retake this passage")
    visit.until("document.querySelector('.retake .sent').textContent !== ''")
    assert len(sent) == 1
    body = dict(sent[0])  # type: ignore[call-overload]
    assert body.pop("from_s") == pytest.approx(0.5, abs=0.05)
    assert body.pop("to_s") == pytest.approx(6, abs=0.05)
    assert body == {"seeds": 2, "words": "Other words along the wire\nOne more stop and I am home"}


def test_a_new_candidate_appears_and_the_focus_stays(visit: Audition, own: Album, tmp_path: Path) -> None:
    visit.press("2", "Space")
    visit.plays(2)
    visit.page.focus(".take:nth-child(2) .hear")
    terms = ("--origin", "a test", "--licence", "CC0-1.0")
    own.json("take", "add", "small", "one", ramp(tmp_path, 0), *terms)
    visit.until("document.querySelectorAll('.take').length === 3")
    visit.until("!document.querySelectorAll('.hear')[2].disabled")
    assert "not decided yet" in rows(visit)[2]
    assert visit.script("return document.activeElement === document.querySelectorAll('.hear')[1]")
    visit.plays(2)
    visit.press("3")
    visit.plays(3)


def test_why_a_retake_did_not_come_about_is_said_on_the_page(visit: Audition) -> None:
    visit.script("page.mark(0.5, 3.5)")
    visit.page.fill("[name=seeds]", "1")
    visit.press("Enter")  # in a field: sends the form
    visit.until("document.querySelector('.retake .sent').textContent.includes('cannot render a passage')")
    assert "Add a seed to the song" in visit.page.inner_text(".retake .sent")


def test_on_a_phone_nothing_is_wider_than_the_screen(browser: Browser, link: str) -> None:
    audition = Audition(browser, link, viewport=PHONE, has_touch=True, is_mobile=True)
    for address in (ONE, f"{ONE}?blind=all", f"{ONE}?blind=pairs"):
        audition.open(address)
        assert audition.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    audition.close()
    assert audition.said == []


def test_every_control_has_a_name_of_its_own(visit: Audition) -> None:
    names = visit.page.evaluate(
        "[...document.querySelectorAll('main button, main select, main input')].filter((e) => e.offsetParent)"
        ".map((e) => (e.getAttribute('aria-label') ?? e.labels?.[0]?.textContent ?? e.textContent).trim())"
    )
    assert all(names)
    assert len(set(names)) == len(names)


def test_an_unknown_song_is_not_found(visit: Audition) -> None:
    for address in ("/albums/small/songs/three", "/albums/other/songs/one", "/api/audition/none"):
        answer = visit.page.request.get(f"{visit.origin}{address}")
        assert answer.status == 404, address
