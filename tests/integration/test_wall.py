"""The farm as people use it: commands at the terminal, and the Prefect UI as the studio's wall in a real browser."""

from __future__ import annotations

import json
import os
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

pytestmark = pytest.mark.slow

TITLE = 'Rain <b>loud</b> | <img src=x onerror="document.hurt=1"> # `z` &amp; https://a.test www.a.test'
SHOWN = TITLE.replace("https:", f"https:{ZERO_WIDTH_SPACE}").replace("www", f"www{ZERO_WIDTH_SPACE}")
ALBUM = "Weather <b>now</b> | [x](y)"
RELEASES_URL = "http://studio.test/releases"
SERVICES = ("PostgreSQL", "store", "Prefect server", "work pool gpu", "work pool cpu", "deployments")
ENDED = ("COMPLETED", "CANCELLED", "FAILED", "CRASHED")
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
    gates = {"gates": {"tempo_bpm": {"min": 119, "max": 121}}}
    document = album_document(release="partial", selection=gates)
    document["album"] = {"id": "wall", "title": ALBUM, "artist": "Ada Vale"}
    document["songs"][0]["title"] = TITLE  # type: ignore[index]
    return document


def long_document() -> dict[str, object]:
    """More work than six seconds' worth."""
    document = album_document(defaults={"engine": "guide", "length_s": 90})
    document["album"] = {"id": "long", "title": "Long", "artist": "Ada Vale"}
    for song in document["songs"]:  # type: ignore[attr-defined]
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


def test_the_wall_shows_the_album(visit: Visit) -> None:
    visit.find("songs-wall")
    visit.open("songs")
    visit.reads(ALBUM)
    visit.reads("4 of 4 takes rendered")
    head, first, second = visit.table()
    assert head == ["song", "state", "takes", "winner"]
    assert first[:3] == [SHOWN, "decided", "2 of 2"]
    assert first[3].startswith("one-")
    assert second == ["Song Two", "failed", "2 of 2", "–"]
    failed, decided = visit.page.locator("li", has_text="seed 1").all_inner_texts()
    assert decided.startswith(f"{SHOWN}: Winner: seed ")
    assert visit.page.locator("a[href*='a.test']").count() == 0
    assert failed.startswith("Song Two: No winner: seed 1: tempo ")
    assert "Add seeds, loosen the gates under `selection`" in failed

    visit.open("scores-one")
    visit.reads(SHOWN)
    assert visit.page.locator("a[href*='a.test']").count() == 0
    head, best, other = visit.table()
    assert head[:3] == ["rank", "take", "gates"]
    assert head[-1] == "score"
    assert "PLR" in head
    assert (best[0], best[1], best[2]) == ("1", first[3], "passed")
    assert other[0] == "2"
    visit.reads("Rank 2 of 2: seed")

    visit.open("scores-two")
    assert [row[2] for row in visit.table()[1:]] == ["failed: tempo_bpm"] * 2

    visit.open("listen")
    link = visit.page.get_by_role("link", name="Open the listening page")
    assert link.get_attribute("href") == f"{RELEASES_URL}/wall/index.html"

    visit.open("progress")
    visit.reads("100%")

    visit.open("runs")
    head, *rows = visit.table()
    assert head == ["run", "state", "time", "name"]
    assert [row[0] for row in rows][-1] == "render"
    ends = {("render", "completed"), ("finish", "completed"), ("finish", "failed")}
    assert {(row[0], row[1]) for row in rows} == ends
    assert any(SHOWN in row[3] for row in rows)
    visit.page.goto(str(visit.page.locator("td a").first.get_attribute("href")))
    visit.reads(rows[0][3].replace(ZERO_WIDTH_SPACE, ""))
    visit.reads("album:wall")

    visit.open("report")
    visit.reads("songline export wall --out DIR")
    visit.reads("Failed:")


def test_the_front_page_leads_to_the_version_that_asks_nobody(browser: Browser, farm: Farm) -> None:
    page = browser.new_page()
    page.goto(farm.stack.variables["PREFECT_UI_URL"])
    page.wait_for_selector("input[type=password]", timeout=PATIENCE_MS)
    assert "/v2" not in page.url
    page.close()


def test_each_page_is_one_record_that_changes_in_place(farm: Farm, made: Made) -> None:
    keys = [artifact["key"] for artifact in farm.artifacts(made.run_id)]
    pages = ["listen-wall", "progress-wall", "report-wall", "runs-wall"]
    assert sorted(keys) == sorted([*pages, "scores-one-wall", "scores-two-wall", "songs-wall"])


def test_the_log_of_the_run_in_charge_tells_each_stage_once(farm: Farm, made: Made) -> None:
    said = farm.await_in_prefect(
        "logs/filter",
        {"logs": {"flow_run_id": {"any_": [made.run_id]}}, "sort": "TIMESTAMP_ASC"},
        lambda found: any(each["message"].startswith("The album came to its end") for each in found),
    )
    told = [each["message"] for each in said]
    stages = [
        "Coordinating 2 songs with 4 takes, until the stage release.",
        "Rendered 4 of 4 takes.",
        "Decided 1 of 2 songs.",
        "Mastered 1 of 2 songs.",
        "Finished 1 of 2 songs.",
        "Packing the release.",
    ]
    assert [line for line in told if line in stages] == stages
    assert sum(line.startswith("Failed: Song Two: ") for line in told) == 1, told


def test_what_was_submitted_is_told(farm: Farm, made: Made) -> None:
    assert made.submitted | {"flow_run_id": ""} == {
        "album": "wall",
        "state": "active",
        "priority": "urgent",
        "until": "release",
        "max_gpu_minutes": None,
        "flow_run_id": "",
        "reason": None,
    }
    status = farm.json("status", "wall")
    assert status["submission"] == {
        "state": "done",
        "priority": "urgent",
        "until": "release",
        "max_gpu_minutes": None,
        "reason": None,
    }
    assert [(song["state"], song["candidates"]["rendered"]) for song in status["songs"]] == [
        ("decided", 2),
        ("failed", 2),
    ]


def test_a_released_album_obeys_the_umask_of_the_workers_user(farm: Farm, made: Made) -> None:
    """It is served by somebody else, who could not read what is the worker's alone."""
    folder = Path(farm.stack.settings["SONGLINE_RELEASES"]) / "wall"
    mask = os.umask(0o022)
    os.umask(mask)
    for path in (folder, *folder.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o777 if path.is_dir() else 0o666) & ~mask, path


def test_the_watch_tells_each_change_once_and_ends(made: Made) -> None:
    lines = made.watched["wall"]
    assert len(set(lines)) == len(lines) > 2
    assert lines[0].endswith(" · active")
    assert "of 4 candidates rendered" in lines[0]
    assert "gpu: 1 worker online · cpu: 1 worker online" in lines[-1]
    assert "1 decided, 1 failed · 4 of 4 candidates rendered" in lines[-1]
    assert lines[-1].endswith(" · done")


def test_a_spent_budget_pauses_and_says_so(farm: Farm, made: Made) -> None:
    standing = farm.json("status", "long")["submission"]
    assert (standing["state"], standing["max_gpu_minutes"]) == ("paused", 0.1)
    assert standing["reason"].startswith("the budget of 0.1 GPU minutes is spent; ")
    assert made.watched["long"][-1].endswith(f" · paused: {standing['reason']}")
    assert f"On work pools: paused ({standing['reason']})" in farm.run("status", "long").stdout


def test_pause_resume_and_cancel(farm: Farm, made: Made) -> None:
    refused = farm.run("pause", "long", code=3)
    assert "error: album 'long' is paused" in refused.stderr
    resumed = farm.json("resume", "long", "--max-gpu-minutes", "0.2")
    assert (resumed["state"], resumed["max_gpu_minutes"]) == ("active", 0.2)
    paused = farm.json("pause", "long")
    assert (paused["state"], paused["reason"]) == ("paused", "paused by hand")
    cancelled = farm.json("cancel", "long")
    assert (cancelled["album"], cancelled["state"]) == ("long", "cancelled")
    assert farm.json("status", "long")["submission"]["reason"] == "cancelled by hand"


def test_what_a_cancelled_album_was_at_ends_as_cancelled(farm: Farm, made: Made) -> None:
    farm.json("resume", "long", "--max-gpu-minutes", "9")
    of_long = {"flow_runs": {"tags": {"all_": ["album:long"]}}}
    running = {"task_runs": {"state": {"type": {"any_": ["RUNNING"]}}}}
    at_work = farm.await_in_prefect("task_runs/filter", of_long | running, bool)
    farm.json("cancel", "long")
    assert farm.json("status", "long")["submission"]["reason"] == "cancelled by hand"
    ended = farm.await_in_prefect(
        "flow_runs/filter", of_long, lambda found: all(run["state"]["type"] in ENDED for run in found)
    )
    assert {run["state"]["type"] for run in ended} <= {"CANCELLED", "COMPLETED"}
    tasks = farm.await_in_prefect(
        "task_runs/filter", of_long, lambda found: all(task["state"]["type"] in ENDED for task in found)
    )
    states = {task["id"]: task["state"]["type"] for task in tasks}
    assert {states[task["id"]] for task in at_work} <= {"CANCELLED", "COMPLETED"}
    assert "CANCELLED" in states.values()
    assert set(states.values()) <= {"CANCELLED", "COMPLETED"}
    progress = farm.prefect("artifacts/filter", {"artifacts": {"key": {"any_": ["progress-long"]}}})
    assert len(progress) == 1  # after three runs that were in charge


def test_reconcile_does_not_run_where_nothing_is_active(farm: Farm, made: Made, tmp_path: Path) -> None:
    def steady() -> Any:
        schedules = farm.prefect("deployments/name/reconcile/reconcile")["schedules"]
        return {each["slug"]: each["active"] for each in schedules}

    farm.await_in_prefect("deployments/name/reconcile/reconcile", None, lambda _: not steady()["steady"])
    assert steady() == {"steady": False}
    of_reconcile = {"deployments": {"name": {"any_": ["reconcile"]}}}
    coming = of_reconcile | {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    farm.await_in_prefect("flow_runs/filter", coming, lambda found: found == [])
    later = album_document(album={"id": "later", "title": "Later", "artist": "Ada Vale"})
    farm.json("submit", write_album(tmp_path, later), "--until", "score")
    assert steady()["steady"]


def test_what_cannot_be_done_has_its_exit_code(farm: Farm, made: Made, tmp_path: Path) -> None:
    assert "done" in farm.run("resume", "wall", code=3).stderr
    unknown = farm.run("pause", "nobody", "--json", code=2)
    assert "never submitted" in json.loads(unknown.stderr)["error"]
    lonely = farm.run("submit", write_album(tmp_path), code=4, PREFECT_API_URL="")
    assert "no Prefect server is set" in lonely.stderr
    assert farm.run("status", "small", code=2).stdout == ""  # nothing was planned for a server that is not there


def test_the_doctor_finds_every_service_well(farm: Farm, made: Made) -> None:
    found = {check["name"]: check["verdict"] for check in farm.json("doctor")["checks"]}
    assert {name: found[name] for name in SERVICES} == dict.fromkeys(SERVICES, "ok")
