"""The farm as people use it: commands at the terminal, and the Prefect UI as the studio's wall in a real browser."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from flows.artifacts.pages import ZERO_WIDTH_SPACE
from tests.integration.wall_farm import ALBUM, PATIENCE_MS, RELEASES_URL, SHOWN, Farm, Made, Visit, farm, made, visit
from tests.support.albums import album_document, write_album

__all__ = ["farm", "made", "visit"]

pytestmark = pytest.mark.slow
SERVICES = ("PostgreSQL", "store", "Prefect server", "work pool gpu", "work pool cpu", "deployments")
ENDED = ("COMPLETED", "CANCELLED", "FAILED", "CRASHED")


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
    (failed,) = visit.page.locator("li", has_text=re.compile("No winner: seed 1")).all_inner_texts()
    (decided,) = visit.page.locator("li", has_text=re.compile(": Winner: seed")).all_inner_texts()
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
