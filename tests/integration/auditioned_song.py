"""A song whose takes can be told by ear and by sample, the real desk beside it, and a visit to its audition."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from playwright.sync_api import Browser, Page, ViewportSize

from tests.integration.listened_release import wait_until
from tests.support.commands import Album, environment

RATE = 44_100
PERIOD = 16_384
"""Frames after which a ramp begins again."""
SECONDS = 12
DESKTOP, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)
READY = "document.querySelector('.audition')?.dataset.ready === 'true'"
MODULE = "document.querySelector('script[type=module]').src"


def ramp(folder: Path, nth: int) -> Path:
    """A take that tells itself: sample n has the value (n mod PERIOD + 0.5) / PERIOD / 4 + nth / 4, the sign changing
    every 500 frames, so that it is sound. Every frame of it tells the take and, within a period, its place."""
    frames = np.arange(SECONDS * RATE)
    values = ((frames % PERIOD + 0.5) / PERIOD + nth) / 4
    signs = np.where(frames // 500 % 2, -1.0, 1.0)
    path = folder / f"ramp-{nth}.wav"
    soundfile.write(path, np.stack([values * signs, -values * signs], axis=1).astype(np.float32), RATE, subtype="FLOAT")
    return path


def told(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each sample that was heard: the number of the ramp, and its frame within the period."""
    scaled = np.abs(values) * 4
    takes = np.floor(scaled).astype(int)
    return takes, np.floor((scaled - takes) * PERIOD).astype(int)


@contextmanager
def desk(home: Path, **settings: str) -> Iterator[str]:
    """The link of a real ``songline desk`` on the catalog."""
    command = [sys.executable, "-m", "flows.cli", "desk", "--no-browser"]
    with subprocess.Popen(command, env=environment(home, **settings), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield next(line.strip() for line in process.stdout if line.startswith("http"))
        finally:
            process.terminate()


class Audition:
    """A visit to the audition of a song that must stay silent on the console."""

    def __init__(self, browser: Browser, link: str, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": DESKTOP, **options})
        self.page: Page = self.context.new_page()
        self.said: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto(link)
        self.origin = link.split("/?")[0]

    def open(self, address: str) -> None:
        self.page.goto(f"{self.origin}{address}")
        self.until(READY)

    def until(self, condition: str) -> None:
        wait_until(self.page, condition)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def script(self, body: str) -> Any:
        """What a script gives that sees the page's own ``page``."""
        return self.page.evaluate(f"(async () => {{ const {{ page }} = await import({MODULE}); {body} }})()")

    def plays(self, number: int) -> None:
        """Wait until the candidate of a number key sounds, and goes on."""
        self.script("window.before = page.player.state.frame")
        self.until(f"document.querySelectorAll('.hear')[{number - 1}].getAttribute('aria-pressed') === 'true'")
        for _ in range(200):
            if self.script(
                f"""const take = page.listed()[{number - 1}]; const {{ state }} = page.player;
                return state.playing && !state.waiting && state.frame > window.before
                  && state.sound === page.soundOf(take).id;"""
            ):
                return
            self.page.wait_for_timeout(20)
        raise AssertionError(f"candidate {number} does not sound")

    @property
    def position_s(self) -> float:
        return float(self.script("return page.player.state.frame / page.player.rate"))

    @property
    def pressed(self) -> list[str]:
        """The names of the candidates whose button is pressed."""
        return self.page.locator(".hear[aria-pressed=true] .name").all_inner_texts()

    def close(self) -> None:
        self.context.close()


def with_ramps(album: Album, folder: Path, count: int) -> list[str]:
    """Add ramps as takes of the first song; returns their ids."""
    terms = ("--origin", "a test", "--licence", "CC0-1.0")
    song = str(album.json("status", "small")["songs"][0]["id"])
    return [
        str(album.json("take", "add", "small", song, ramp(folder, nth), *terms)["candidate"]) for nth in range(count)
    ]
