"""Voice and band apart on the page, opened from disk: what sounds, in time with the master, as loud as it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.integration.listened_release import wait_until
from tests.integration.sung_page import GAIN_DB, HEAD_S, sounding, write_release
from tests.integration.sung_visit import SONG, page, release, seek

__all__ = ["page", "release"]

MASTER = "1.wav"
MASTER_IS_SILENT = f"document.querySelector('{SONG} audio.mix').volume < 0.001"


def test_without_the_voice_only_the_band_sounds(page: Page) -> None:
    seek(page, 1.0)
    page.click(f"{SONG} button.play")
    wait_until(page, f"document.querySelector('{SONG} audio.mix').currentTime > 1.1")
    assert sounding(page) == ["1.mp3"]
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


def test_the_master_with_exact_times_goes_on_where_the_small_one_was(page: Page) -> None:
    seek(page, 3.0)
    page.click(f"{SONG} button.play")
    page.wait_for_timeout(200)
    page.click(f"{SONG} button.click")
    wait_until(page, f"document.querySelector('{SONG} audio.mix').readyState > 2")
    assert sounding(page) == [MASTER]
    assert 3.1 < float(page.evaluate(f"document.querySelector('{SONG} audio.mix').currentTime")) < 5.0
    page.wait_for_timeout(200)
    assert page.get_attribute(f"{SONG} button.play", "aria-label") == "Pause Song 1"
