"""What several modules look at: the one sung album, as rendering it is dear, and albums that are only planned."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from catalog.album.album import Album
from catalog.common.errors import ManifestError
from catalog.common.settings import Settings
from flows.planning.read_manifest import read_album
from tests.integration.sung_album import Sung, document_with, render_sung, write_sung
from tests.support.made_once import copy_of_made

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, which plays MP3, FLAC and WAV; for one module, as nobody else can run an event loop beside
    Playwright's."""
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        reason = "NO BROWSER: install Chromium (apt install chromium), or no page is tested"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio", "--disable-gpu"]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=arguments)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def sung(tmp_path_factory: pytest.TempPathFactory, begin_home: Callable[[Path], Path]) -> Sung:
    """The rendered album; to be looked at only."""
    pytest.importorskip("torch")

    def render(folder: Path) -> None:
        begin_home(folder / "home")
        render_sung(folder)

    return Sung.rendered(copy_of_made(tmp_path_factory, "sung-album", render))


@pytest.fixture(scope="session")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where every model in tiny is installed; never to be changed."""
    pytest.importorskip("torch")
    from tests.support.tiny_models import tiny_settings

    return tiny_settings(tmp_path_factory.mktemp("models"))


@pytest.fixture
def here(tmp_path: Path, variables: dict[str, str]) -> Settings:
    """Settings with a home of the test's own and all models."""
    from tests.support.tiny_models import settings_of

    return settings_of(tmp_path / "home", variables)


@pytest.fixture
def bare(here: Settings, tmp_path: Path) -> Settings:
    """The same without any model."""
    return here.model_copy(update={"models": tmp_path / "none"})


@pytest.fixture
def read(here: Settings, tmp_path: Path) -> Callable[..., Album]:
    """Read an album whose first song, or whose top level, is changed."""

    def reader(song: Mapping[str, Any] = {}, settings: Settings = here, **changes: object) -> Album:
        return read_album(write_sung(tmp_path / "album", document_with(song, **changes)), settings)

    return reader


@pytest.fixture
def faults(read: Callable[..., Album]) -> Callable[..., Sequence[str]]:
    """The lines of what is wrong with such an album."""

    def told(song: Mapping[str, Any] = {}, **changes: object) -> Sequence[str]:
        with pytest.raises(ManifestError) as caught:
            read(song, **changes)
        return caught.value.faults

    return told
