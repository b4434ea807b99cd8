"""The page sings along, in a real browser opened from disk: syllables, chords, sections, the lead sheet, print."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.integration.listened_release import PHONE, wait_until
from tests.integration.sung_page import HEAD_S, HOSTILE, LENGTH_S, lit
from tests.integration.sung_visit import SONG, page, release, seek, time_s

__all__ = ["page", "release"]


@pytest.mark.parametrize(
    ("at_s", "line", "reached", "now"),
    [
        (1.6, "Running home", ["Run"], ["Run"]),
        (2.2, "Running home", ["Run", "ning"], ["ning"]),
        (3.5, "Running home", ["Run", "ning", "home"], []),
        (5.7, f"under {HOSTILE}", ["un", "der", HOSTILE], [HOSTILE]),
    ],
)
def test_the_syllable_that_is_sung_is_lit(page: Page, at_s: float, line: str, reached: list[str], now: str) -> None:
    seek(page, at_s)
    assert lit(page) == {"line": line, "lit": reached, "now": now}


def test_the_light_moves_on_while_the_song_plays(page: Page) -> None:
    seek(page, 1.6)
    page.click(f"{SONG} button.play")
    wait_until(page, "document.querySelector('.lyrics .now')?.textContent === 'ning'")
    wait_until(page, "document.querySelector('.lyrics .now')?.textContent === 'home'")
    assert 2.4 < time_s(page) < 3.1


def test_chords_stand_above_their_syllables(page: Page) -> None:
    boxes = page.evaluate(
        """() => [...document.querySelectorAll('#song-1 [data-chord]')].map((each) =>
        [each.textContent, each.dataset.chord, getComputedStyle(each, '::before').content])"""
    )
    assert [(text, chord) for text, chord, _ in boxes] == [
        ("Run", "Am F"),
        ("home", "G/B"),
        ("un", HOSTILE),
        ("last", "C"),
    ]
    assert all(chord in content for _, chord, content in boxes)
    passages = page.locator(f"{SONG} .passage").all_inner_texts()
    assert [text.split()[1:] for text in passages] == [["Am"]], "after the last line"


def test_the_words_are_text_without_the_chords(page: Page) -> None:
    tree = page.locator(f"{SONG} .lyrics").aria_snapshot()
    assert "Running home" in tree
    assert "G/B" not in tree
    copied = page.evaluate(
        """() => { const range = document.createRange(), selection = getSelection();
        range.selectNodeContents(document.querySelector('#song-1 .lyrics li[data-start="1.5"] bdi'));
        selection.removeAllRanges(); selection.addRange(range); return selection.toString() }"""
    )
    assert copied == "Running home"


def test_words_can_be_selected_without_a_jump(page: Page) -> None:
    box = page.locator(f"{SONG} .lyrics bdi").nth(2).bounding_box()
    assert box
    page.mouse.move(box["x"] + 2, box["y"] + box["height"] - 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + box["height"] - 8)
    page.mouse.up()
    assert page.evaluate("getSelection().toString()") != ""
    assert time_s(page) == 0


def test_hostile_words_and_chords_are_only_text(page: Page) -> None:
    assert page.locator("img").count() == 1, "the lead sheet"
    assert page.locator(f"{SONG} bdi", has_text=HOSTILE).count() == 1


def test_the_bar_of_sections_shows_where_the_song_is(page: Page) -> None:
    labels = page.locator(f"{SONG} .form button").all_inner_texts()
    assert labels == ["Intro", "Verse", "Chorus", "Outro"]
    page.click(f"{SONG} .form .chorus")
    wait_until(page, f"!document.querySelector('{SONG} audio.mix').paused")
    assert time_s(page) == pytest.approx(8.0 - HEAD_S, abs=0.8)
    assert page.inner_text(f"{SONG} .form [aria-current]") == "Chorus"
    assert page.get_attribute(f"{SONG} .form .chorus", "aria-label") == "Chorus, 0:07"
    width, whole = (page.locator(f"{SONG} {one}").bounding_box() for one in (".form .chorus", ".form"))
    assert width
    assert whole
    assert width["width"] / whole["width"] == pytest.approx(2 / LENGTH_S, abs=0.01)


def test_the_arrows_go_along_the_sections(page: Page) -> None:
    page.focus(f"{SONG} .form button")
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.textContent") == "Verse"
    assert page.locator(f"{SONG} .form [tabindex='0']").count() == 1
    assert time_s(page) == 0


def test_a_song_without_a_lead_sheet_lights_up_by_lines(page: Page) -> None:
    seek(page, 3.5, song=3)
    assert lit(page, 3) == {"line": "Second", "lit": [], "now": []}
    assert page.locator("#song-3 .charted, #song-3 .sung").count() == 0
    assert page.locator("#song-3 .form button").all_inner_texts() == ["Verse", "Chorus"]


def test_an_instrumental_shows_its_chords(page: Page) -> None:
    assert page.inner_text("#song-2 .words h3").lower() == "chords"
    seek(page, 3.2, song=2)
    assert lit(page, 2) == {"line": f"F G/B {HOSTILE}", "lit": ["F", "G/B"], "now": ["G/B"]}


def test_a_reader_who_scrolled_away_is_left_there(browser: Browser, release: Path) -> None:
    page = browser.new_page(viewport=PHONE)
    page.goto((release / "index.html").as_uri())
    page.evaluate(f"document.querySelector('{SONG} .lyrics').style.height = '70px'")
    page.click(f"{SONG} button.play")
    seek(page, 4.0)
    wait_until(page, "document.querySelector('.lyrics .active')?.textContent.includes('Running')")
    page.wait_for_timeout(100)
    page.evaluate(f"document.querySelector('{SONG} .lyrics').scrollTo({{top: 9999, behavior: 'instant'}})")
    top = page.evaluate(f"document.querySelector('{SONG} .lyrics').scrollTop")
    wait_until(page, "document.querySelector('.lyrics .now')?.textContent === 'un'")
    page.wait_for_timeout(300)
    assert page.evaluate(f"document.querySelector('{SONG} .lyrics').scrollTop") == top
    page.close()


def test_the_lead_sheet_is_a_picture_in_a_fold(page: Page) -> None:
    loaded = f"document.querySelector('{SONG} .paper img').naturalWidth > 0"
    assert not page.evaluate(loaded)
    page.click(f"{SONG} .notation summary")
    wait_until(page, loaded)
    assert "Song 1" in (page.get_attribute(f"{SONG} .paper img", "alt") or "")
    assert page.locator(".notation").count() == 1


def test_print_has_the_chords_above_the_words(page: Page) -> None:
    page.emulate_media(media="print")
    for hidden in (".form", ".parts", ".play", ".notation"):
        assert not page.locator(hidden).first.is_visible(), hidden
    assert page.is_visible(f"{SONG} .lyrics >> text=home")
    colour = page.evaluate("getComputedStyle(document.querySelector('#song-1 [data-chord]'), '::before').color")
    assert colour == "rgb(0, 0, 0)"
    breaks = page.evaluate("getComputedStyle(document.querySelector('#song-2')).breakBefore")
    assert breaks == "page"


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_it_fits_a_phone(browser: Browser, release: Path, scheme: str) -> None:
    page = browser.new_page(viewport=PHONE, color_scheme="dark" if scheme == "dark" else "light")
    page.goto((release / "index.html").as_uri())
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    small = page.evaluate(
        "[...document.querySelectorAll('.form button, .parts button, .lyrics button')]"
        ".map((each) => each.getBoundingClientRect()).filter((box) => box.height < 24).length"
    )
    assert small == 0
    page.close()


def test_without_scripts_the_chords_are_there_and_nothing_that_would_do_nothing(
    browser: Browser, release: Path
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((release / "index.html").as_uri())
    assert page.is_visible(f"{SONG} .lyrics >> text=home")
    assert page.locator(f"{SONG} [data-chord='G/B']").count() == 1
    assert [each for each in page.query_selector_all("button") if each.is_visible()] == []
    context.close()


def test_a_reader_who_wants_no_motion_gets_none(browser: Browser, release: Path) -> None:
    page = browser.new_page(viewport=PHONE, reduced_motion="reduce")
    page.goto((release / "index.html").as_uri())
    page.evaluate(f"document.querySelector('{SONG} .lyrics').style.height = '70px'")
    page.evaluate("void (Element.prototype.scrollTo = function (how) { window.behaviour = how.behavior })")
    page.click(f"{SONG} .lyrics li:last-child button")
    wait_until(page, "window.behaviour")
    assert page.evaluate("window.behaviour") == "auto"
    assert page.evaluate(f"getComputedStyle(document.querySelector('{SONG} .row')).transitionDuration") == "0s"
    page.close()
