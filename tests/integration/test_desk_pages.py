"""The pages of a running `songline desk` in Chromium: live, by buttons, by keyboard, on a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.integration.desk_visit import PHONE, Desk, album, desk, page, rendered
from tests.integration.listened_release import wait_until

__all__ = ["album", "desk", "page", "rendered"]

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def patient() -> None:
    expect.set_options(timeout=30_000)


def takes_of(desk: Desk, song: int = 0) -> tuple[str, str]:
    """The winner of a song, and another take."""
    status = desk.album.json("status", "small")["songs"][song]
    takes = [take["id"] for take in desk.album.json("scores", "small")["songs"][song]["candidates"]]
    return status["winner"], next(take for take in takes if take != status["winner"])


def test_the_link_opens_the_catalog_and_leaves_the_address_bar(page: Page, desk: Desk) -> None:
    assert page.url == f"{desk.origin}/"
    expect(page.locator("#album-small")).to_contain_text("2 of 2 songs decided")
    expect(page.locator("#album-small [data-size]")).to_contain_text("MB")
    expect(page.locator("#connection")).to_have_text("Live")


def test_a_pick_by_a_button_is_decided_and_shown_without_a_reload(page: Page, desk: Desk) -> None:
    _, other = takes_of(desk)
    page.goto(f"{desk.origin}/albums/small/songs/one/takes")
    page.evaluate("window.isSamePage = true")
    row = page.locator(f"#take-{other}")
    row.get_by_label(f"Note on {other}").fill("the warmer voice")
    row.get_by_role("button", name="Pick", exact=True).click()
    expect(row).to_have_class("winner")
    expect(page.locator("#said")).to_contain_text("Picked by a user")
    expect(page.locator("#reviews")).to_contain_text("the warmer voice")
    expect(row.get_by_role("button", name="Pick", exact=True)).to_have_attribute("aria-pressed", "true")
    row.get_by_role("button", name="Take back").click()
    expect(row).not_to_have_class("winner")
    assert page.evaluate("window.isSamePage")
    assert takes_of(desk)[0] != other


def test_what_another_process_decides_appears_and_the_focus_stays(page: Page, desk: Desk) -> None:
    winner, other = takes_of(desk, 1)
    page.goto(f"{desk.origin}/albums/small/songs/two/takes")
    expect(page.locator("#connection")).to_have_text("Live")
    field = page.get_by_label(f"Note on {other}")
    field.fill("half a sent")
    desk.album.run("reject", winner, "--note", "out of tune")
    expect(page.locator("#reviews")).to_contain_text("out of tune")
    expect(page.locator(f"#take-{other}")).to_have_class("winner")
    page.keyboard.type("ence")
    expect(field).to_have_value("half a sentence")
    desk.album.run("unpick", winner)
    expect(page.locator(f"#take-{winner}")).to_have_class("winner")


def test_a_refused_decision_says_why_once(page: Page, desk: Desk) -> None:
    winner, _ = takes_of(desk)
    page.goto(f"{desk.origin}/albums/small/songs/one/takes")
    page.locator(f"#take-{winner}").get_by_role("button", name="Note", exact=True).click()
    expect(page.locator("#said .error")).to_have_text("The note is empty. Give some words.")


def test_a_take_plays_and_jumps(page: Page, desk: Desk) -> None:
    page.goto(f"{desk.origin}/albums/small/songs/one/takes")
    jumped = page.evaluate(
        """async () => {
          const audio = document.querySelector("audio");
          await audio.play();
          audio.currentTime = 7;
          await new Promise((done) => audio.addEventListener("seeked", done, { once: true }));
          return [audio.currentTime >= 7, audio.error, audio.duration];
        }"""
    )
    assert jumped[:2] == [True, None]
    assert jumped[2] == pytest.approx(10, abs=0.5)


def test_the_page_of_a_release_opens_and_plays(page: Page, desk: Desk) -> None:
    page.goto(f"{desk.origin}/albums/small/releases")
    page.get_by_role("link", name=re.compile("Listen")).first.click()
    page.click("#song-1 button.play")
    wait_until(page, "document.querySelector('#song-1 audio.mix').currentTime > 0.2")
    policy = page.request.get(page.url).headers["content-security-policy"]
    assert "connect-src" not in policy  # it can ask the app for nothing but its files
    assert "default-src 'none'" in policy


def test_the_lineage_of_a_take_leads_to_its_song(page: Page, desk: Desk) -> None:
    page.goto(f"{desk.origin}/albums/small/songs/one/takes")
    page.get_by_role("link", name=re.compile("Lineage")).first.click()
    expect(page.locator("main")).to_contain_text("render")
    expect(page.locator("main")).to_contain_text("Song One")


def test_the_keyboard_alone_reaches_and_opens_an_album(page: Page, desk: Desk) -> None:
    page.goto(f"{desk.origin}/")
    names = []
    for _ in range(6):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.textContent.trim()"))
    assert names[:4] == ["Skip to content", "Songline", "Albums", "Disk"]
    assert "Small Album" in names
    page.get_by_role("link", name="Small Album").press("Enter")
    expect(page.locator("h1")).to_have_text("Small Album")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_one_way_only_and_says_nothing(browser: Browser, desk: Desk, scheme) -> None:
    context = browser.new_context(viewport=PHONE, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(desk.link)
    page.goto(f"{desk.origin}/albums/small/songs/one/takes")
    candidate = page.locator("#takes h3 a").first.get_attribute("href")
    lineage = page.locator("#takes .facts a").first.get_attribute("href")
    places = [
        "/",
        "/albums/small",
        "/albums/small/songs/one/takes",
        "/albums/small/releases",
        "/disk",
        candidate,
        lineage,
    ]
    grounds = set()
    for place in places:
        page.goto(f"{desk.origin}{place}")
        for details in page.locator("details").all():
            details.evaluate("each => { each.open = true }")
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"], place
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == {"rgb(16, 18, 22)" if scheme == "dark" else "rgb(246, 244, 239)"}
    context.close()
    assert said == []
