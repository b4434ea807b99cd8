"""A farm as its users reach it, two albums that it makes at once, and a visit to the wall in Prefect's UI."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from flows.artifacts.pages import ZERO_WIDTH_SPACE
from tests.support.albums import album_document, write_album
from tests.support.commands import environment, songline
from tests.support.services.stack import Stack, running_stack

TITLE = 'Rain <b>loud</b> | <img src=x onerror="document.hurt=1"> # `z` &amp; https://a.test www.a.test'
SHOWN = TITLE.replace("https:", f"https:{ZERO_WIDTH_SPACE}").replace("www", f"www{ZERO_WIDTH_SPACE}")
ALBUM = "Weather <b>now</b> | [x](y)"
RELEASES_URL = "http://studio.test/releases"
PATIENCE_MS = 30_000
PATIENCE_S = 90.0
HIGH = ViewportSize(width=1280, height=1300)
"""Prefect's pages draw only those cards that are in sight."""
ROWS_OF_THE_FIRST_TABLE = """() => {
    const lines = [...(document.querySelector("table")?.rows ?? [])];
    const rows = lines.map(line => [...line.cells].map(cell => cell.innerText.trim()));
    return rows.length > 1 && rows.every(cells => cells.length) ? rows : null;
}"""
HASTE = {"SONGLINE_POLL_S": "0.5", "NO_PROXY": "127.0.0.1"}


@dataclass(frozen=True, slots=True)
class Farm:
    """A stack as its users reach it."""

    stack: Stack

    def run(self, *arguments: str | Path, code: int = 0, **settings: str) -> subprocess.CompletedProcess[str]:
        done = songline(*arguments, home=self.stack.folder / "home", **(self.stack.variables | HASTE | settings))
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def json(self, *arguments: str | Path, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code).stdout)

    def watch(self, album: str) -> subprocess.Popen[str]:
        """``status --watch`` as it is read through a pipe."""
        return subprocess.Popen(
            [sys.executable, "-m", "flows.cli", "status", album, "--watch"],
            env=environment(self.stack.folder / "home", **(self.stack.variables | HASTE)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def artifacts(self, run_id: str) -> list[dict[str, Any]]:
        return list(self.prefect("artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run_id]}}}))

    def prefect(self, path: str, document: object = None) -> Any:
        """What Prefect's API answers to the operator: to a GET, or to a POST of the document."""
        known = self.stack.variables
        request = urllib.request.Request(
            f"{known['PREFECT_API_URL']}/{path}",
            data=None if document is None else json.dumps(document).encode(),
            headers={
                "Authorization": f"Basic {b64encode(known['PREFECT_API_AUTH_STRING'].encode()).decode()}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def await_in_prefect(self, path: str, document: object, is_so: Callable[[Any], bool]) -> Any:
        """Ask until the answer is as wanted; gives it."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not is_so(found := self.prefect(path, document)):
            assert time.monotonic() < deadline_s, found
            time.sleep(0.5)
        return found

    def log(self, run_id: str) -> list[str]:
        """What a flow run said, in the order of time."""
        wanted = {"logs": {"flow_run_id": {"any_": [run_id]}}, "sort": "TIMESTAMP_ASC"}
        return [each["message"] for each in self.prefect("logs/filter", wanted)]


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    releases = tmp_path_factory.mktemp("releases")
    told = {"SONGLINE_RELEASES": str(releases), "SONGLINE_RELEASES_URL": RELEASES_URL, **HASTE}
    with running_stack("--gpus", "", **told) as stack:
        yield Farm(stack)


def wall_document() -> dict[str, object]:
    """Two songs, of which the second is too fast for the gate; the album is released without it."""
    gates = {"gates": {"tempo_bpm": {"min": 75, "max": 121}}}
    document = album_document(release="partial", selection=gates)
    document["album"] = {"id": "wall", "title": ALBUM, "artist": "Ada Vale"}
    document["songs"][0]["title"] = TITLE
    return document


def long_document() -> dict[str, object]:
    """More work than six seconds' worth."""
    document = album_document(defaults={"engine": "guide", "length_s": 90})
    document["album"] = {"id": "long", "title": "Long", "artist": "Ada Vale"}
    for song in document["songs"]:
        song["seeds"] = {"start": 1, "count": 12}
    return document


@dataclass(frozen=True, slots=True)
class Made:
    """What the commands told while two albums were made at once; ``run_id`` is the wall's."""

    run_id: str
    submitted: dict[str, Any]
    watched: dict[str, list[str]]


@pytest.fixture(scope="module")
def made(farm: Farm, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("albums")
    wall, long = write_album(folder / "wall", wall_document()), write_album(folder / "long", long_document())
    submitted = farm.json("submit", wall, "--priority", "urgent")
    farm.run("submit", long, "--max-gpu-minutes", "0.1", "--priority", "batch")
    watched: dict[str, list[str]] = {}
    watching = {album: farm.watch(album) for album in ("wall", "long")}
    for album, process in watching.items():
        told, _ = process.communicate(timeout=300)
        assert process.returncode == 0, told
        watched[album] = told.splitlines()
    return Made(submitted["flow_run_id"], submitted, watched)


class Visit:
    """Somebody at the wall: logs in, and looks at the pages of the album's run."""

    def __init__(self, page: Page, farm: Farm, run_id: str, *, ui: str) -> None:
        self.page = page
        self.asked: list[str] = []
        self._ui = f"{farm.stack.variables['PREFECT_UI_URL']}{ui}"
        self._run = f"{self._ui}/runs/flow-run/{run_id}"
        self._pages = {artifact["key"].removesuffix("-wall"): artifact["id"] for artifact in farm.artifacts(run_id)}
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(f"{self._ui}/login")
        page.fill("input[type=password]", farm.stack.variables["PREFECT_API_AUTH_STRING"])
        page.click("button[type=submit]")
        page.wait_for_url("**/dashboard*")

    def find(self, key: str) -> None:
        """Go to a page by clicking, from the run over its artifacts."""
        self.page.goto(self._run)
        self.page.get_by_text("Artifacts", exact=True).first.click()
        self.page.get_by_text(key, exact=True).first.click()
        self.page.wait_for_url("**/artifacts/**")

    def open(self, key: str) -> None:
        """Go to a page by its address."""
        self.page.goto(f"{self._ui}/artifacts/artifact/{self._pages[key]}")

    def reads(self, text: str) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=PATIENCE_MS)

    def table(self) -> list[list[str]]:
        """What the first table shows, with its head: read at one moment, as the page draws its rows anew."""
        return self.page.wait_for_function(ROWS_OF_THE_FIRST_TABLE).json_value()


@pytest.fixture(params=["", "/v2"], ids=["first", "second"])
def visit(request: pytest.FixtureRequest, browser: Browser, farm: Farm, made: Made) -> Iterator[Visit]:
    """A visit to each of the two versions that Prefect's pages come in."""
    page = browser.new_page(viewport=HIGH)
    visited = Visit(page, farm, made.run_id, ui=request.param)
    yield visited
    hurt = page.evaluate("Boolean(document.hurt)")
    page.close()
    assert not hurt
    outside = [url for url in visited.asked if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))]
    assert request.param or not outside  # the second version asks a statistics service, so it is not the default
