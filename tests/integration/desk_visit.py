"""A real `songline desk` on a rendered album, and Chromium before it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from tests.integration.rendered_album import rendered
from tests.support.commands import Album, environment

__all__ = ["album", "desk", "page", "rendered"]

DESKTOP, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=800)
PATIENCE_MS = 60_000
REFUSED = "the server responded with a status of 400"


@dataclass(frozen=True, slots=True)
class Desk:
    """A running app: the link that it printed, and its album."""

    link: str
    album: Album
    process: subprocess.Popen[str]

    @property
    def origin(self) -> str:
        return self.link.split("/?")[0]


@contextmanager
def running_desk(album: Album, *manifests: Path, **variables: str) -> Iterator[Desk]:
    """The app until the end of the block; it must end without an error when it is told to."""
    command = [sys.executable, "-m", "flows.cli", "desk", "--no-browser", "--out", str(album.release.parent)]
    process = subprocess.Popen(
        [*command, *map(str, manifests)],
        env=environment(album.home, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        link = process.stdout.readline().strip()
        assert link.startswith("http://127.0.0.1:"), process.communicate(timeout=20)
        yield Desk(link, album, process)
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


@pytest.fixture(scope="module")
def album(rendered: Album, tmp_path_factory: pytest.TempPathFactory) -> Album:
    """The rendered album with a home, a manifest and a release of the module's own."""
    folder = tmp_path_factory.mktemp("desk")
    shutil.copytree(rendered.home, folder / "home")
    shutil.copytree(rendered.manifest.parent, folder / "album")
    shutil.copytree(rendered.release, folder / "out" / "small")
    return replace(
        rendered, home=folder / "home", manifest=folder / "album" / "album.yaml", release=folder / "out" / "small"
    )


@pytest.fixture(scope="module")
def desk(album: Album) -> Iterator[Desk]:
    with running_desk(album, album.manifest) as running:
        yield running


@pytest.fixture
def page(browser: Browser, desk: Desk) -> Iterator[Page]:
    """A browser that has opened the link; its pages say nothing on the console but that a change was refused."""
    context = browser.new_context(viewport=DESKTOP)
    opened = context.new_page()
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.set_default_timeout(PATIENCE_MS)
    opened.goto(desk.link)
    yield opened
    context.close()
    assert [line for line in said if REFUSED not in line] == []
