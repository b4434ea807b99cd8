"""The page sings along, in a real browser: syllables, chords, sections; voice and band apart; the click."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.integration.listened_release import DESKTOP, PHONE, wait_until
from tests.integration.sung_page import GAIN_DB, HEAD_S, HOSTILE, LENGTH_S, lit, sounding, write_release

SONG = "#song-1"
MASTER = "1.wav"
MASTER_IS_SILENT = f"document.querySelector('{SONG} audio.mix').volume < 0.001"


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


def test_without_the_voice_only_the_band_sounds(page: Page) -> None:
    seek(page, 1.0)
    page.click(f"{SONG} button.play")
    wait_until(page, f"document.querySelector('{SONG} audio.mix').currentTime > 1.1")
    assert sounding(page) == [MASTER]
    page.click(f"{SONG} button.voice")
    wait_until(page, MASTER_IS_SILENT)
    page.wait_for_timeout(100)
    assert sounding(page) == ["drums.wav", "bass.wav"]
    assert page.get_attribute(f"{SONG} button.voice", "aria-pressed") == "false"
    page.click(f"{SONG} button.band")
    page.click(f"{SONG} button.voice")
    page.wait_for_timeout(200)
    assert sounding(page) == ["vocals.wav"]
    page.click(f"{SONG} button.band")
    page.wait_for_timeout(200)
    assert sounding(page) == [MASTER]


def test_the_stems_keep_the_time_of_the_master(page: Page) -> None:
    seek(page, 1.0)
    page.click(f"{SONG} button.play")
    page.keyboard.press("v")
    wait_until(page, MASTER_IS_SILENT)
    assert max(map(abs, _errors_s(page))) < 0.012
    page.evaluate(f"document.querySelector('{SONG} audio.mix').currentTime = 6")
    page.wait_for_timeout(700)
    assert max(map(abs, _errors_s(page))) < 0.012
    assert sounding(page) == ["drums.wav", "bass.wav"]


def _errors_s(page: Page) -> list[float]:
    """How far each stem is from its place beside the master, as the mean of twenty readings."""
    sums = [0.0] * 3
    for _ in range(20):
        times = page.evaluate(
            f"[...document.querySelectorAll('{SONG} audio')].map((each) => each.currentTime)",
        )
        sums = [total + time - times[0] - HEAD_S for total, time in zip(sums, times[1:], strict=True)]
        page.wait_for_timeout(13)
    return [total / 20 for total in sums]


def test_from_disk_the_master_is_as_loud_as_the_stems_while_they_are_compared(page: Page) -> None:
    page.click(f"{SONG} button.play")
    page.click(f"{SONG} button.voice")
    wait_until(page, MASTER_IS_SILENT)
    page.click(f"{SONG} button.voice")
    page.wait_for_timeout(200)
    volume = "document.querySelector('#song-1 audio.mix').volume"
    assert page.evaluate(volume) == pytest.approx(10 ** (-GAIN_DB / 20), abs=0.01)
    page.click(f"{SONG} button.play")
    page.click(f"{SONG} button.play")
    page.wait_for_timeout(200)
    assert page.evaluate(volume) == 1


def test_stems_are_loaded_at_the_first_press(page: Page) -> None:
    loaded = f"[...document.querySelectorAll('{SONG} .stems audio')].filter((each) => each.readyState).length"
    page.click(f"{SONG} button.play")
    page.wait_for_timeout(300)
    assert page.evaluate(loaded) == 0
    page.keyboard.press("b")
    wait_until(page, f"{loaded} === 3")


def test_a_missing_stem_is_said_and_the_master_plays_on(browser: Browser, tmp_path: Path) -> None:
    write_release(tmp_path)
    (tmp_path / "stems" / "1" / "vocals.wav").unlink()
    page = browser.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    page.click(f"{SONG} button.play")
    page.click(f"{SONG} button.band")
    page.wait_for_selector(f"{SONG} .parts .note >> text=cannot be played")
    page.wait_for_timeout(200)
    assert sounding(page) == [MASTER]
    assert page.get_attribute(f"{SONG} button.band", "aria-pressed") == "true"
    page.close()


def test_songs_without_stems_or_beat_have_no_such_buttons(page: Page) -> None:
    assert [page.locator(f"#song-{n} .voice").count() for n in (1, 2, 3)] == [1, 0, 0]
    assert [page.locator(f"#song-{n} .click").count() for n in (1, 2, 3)] == [1, 1, 0]


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
