"""What attacks share: homes to attack, another user, the attacker's server, and a browser that shows its pages.

Nothing here is started before a test asks for it, and what is imported here is light: the folder is collected fast.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.attacks.attackers import Answer, AttackerServer, OtherUser, another_user, attacker_server
from tests.support.finished_album import finished_album, own_album
from tests.support.services.processes import not_tested

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["finished_album", "own_album"]

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture
def tiny_home(tmp_path: Path) -> Path:
    """Where a home of the test's own will lie; nothing is there yet."""
    return tmp_path / "home"


@pytest.fixture(scope="session")
def other_user() -> Iterator[OtherUser]:
    """User 65534, which only root may become."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: only root can attack as another user")
    with another_user() as user:
        yield user


@pytest.fixture
def attacker() -> Iterator[AttackerServer]:
    """The attacker's server, which answers 404 until the test says what."""
    with attacker_server() as server:
        yield server


@pytest.fixture(scope="module")
def attacked_browser() -> Iterator[Browser]:
    """A headless Chromium in which every name below ``.test`` is this machine, without the newest browsers' question
    before a page may reach the local network. For one module: no other event loop runs beside Playwright's."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        not_tested("no Chromium: install it (apt install chromium)")
    arguments = ["--no-sandbox", "--disable-gpu", "--mute-audio", "--no-proxy-server"]
    arguments += ["--host-resolver-rules=MAP *.test 127.0.0.1"]
    arguments += ["--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def foreign_page(attacked_browser: Browser, attacker: AttackerServer) -> Iterator[Page]:
    """A page of the origin ``http://attacker.test:PORT``, loaded from the attacker's server.

    DNS rebinding is ``page.route("http://rebound.test:VICTIM/", fulfil with the page)`` and then ``page.goto`` of it:
    whatever the page asks for afterwards reaches the victim's port under the attacker's name.
    """
    attacker.answers["/"] = Answer(b"<!doctype html><title>A free sample pack</title>")
    context = attacked_browser.new_context()
    page = context.new_page()
    page.goto(f"{attacker.origin}/")
    yield page
    context.close()
