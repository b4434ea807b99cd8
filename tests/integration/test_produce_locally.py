"""The flow under Prefect: what its API tells of a production, what is tried again, and a worker that dies."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.prefect_records import TITLE
from tests.support.albums import album_document, write_album
from tests.support.commands import environment, songline

pytestmark = pytest.mark.slow

SHOWN = r"Rain \<b\>\*loud\*\</b\> \| \[x\](y) \# \`z\`"
"""The title as markdown."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    """Where the productions of :mod:`tests.integration.prefect_records` were made."""
    return tmp_path_factory.mktemp("told")


@pytest.fixture(scope="module")
def told(folder, begin_home):
    """What Prefect's API told of them."""
    begin_home(folder / "home")
    command = [sys.executable, "-m", "tests.integration.prefect_records", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def flow_run(told: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [run for run in told["flows"] if run["name"] == name]
    return found


def tasks_of(told: dict[str, Any], flow: str) -> dict[str, tuple[str, int]]:
    """State and number of runs of each task of a flow run, by its name."""
    tasks = [task for task in told["tasks"] if task["flow"] == flow]
    assert len({task["name"] for task in tasks}) == len(tasks)
    return {task["name"]: (task["state"], task["runs"]) for task in tasks}


def artifact(told: dict[str, Any], flow: str, key: str) -> dict[str, Any]:
    keys = (key, f"{key}-{flow.removeprefix('produce · ')}")
    (found,) = [a for a in told["artifacts"] if a["flow"] == flow and a["key"] in keys]
    return found


def test_a_flow_run_is_a_sentence_and_carries_ids_only(told) -> None:
    run = flow_run(told, "produce · small")
    assert run["state"] == "Completed"
    digest = told["made"]["small"]["digest"]
    assert run["parameters"] == {"album_id": "small", "manifest_digest": digest, "until": "release"}
    assert told["made"]["small"]["release"]
    assert told["servers_left"] == 0


def test_tasks_are_sentences_and_ran_once(told) -> None:
    seeds = ("1", "2")
    expected = {f"pack · Weather {TITLE}"}
    for title in (TITLE, "Song Two"):
        expected |= {f"score · {title} · seed {seed}" for seed in seeds}
        expected |= {f"{kind} · {title}" for kind in ("select", "master", "draw")}
        expected |= {f"accept · {title} · master", f"encode · {title} · mp3_320"}
    tasks = tasks_of(told, "produce · small")
    rendering = {name for name in tasks if name.startswith("render · ")}
    assert set(tasks) - rendering == expected
    assert {name.split(" · ")[1] for name in rendering} == {TITLE, "Song Two"}
    assert sorted(name[-1] for name in rendering) == ["1", "1", "2", "2"]
    assert set(tasks.values()) == {("Completed", 1)}


def test_work_that_is_done_never_becomes_a_task(told) -> None:
    kinds = {name.split(" · ")[0] for name in tasks_of(told, "produce · gated")}
    assert kinds == {"select", "encode"}


def rows_of(page: str) -> list[list[str]]:
    """The cells of a page's table, without its head."""
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    return [line[2:-2].split(" | ") for line in lines[1:]]


def test_artifacts_show_progress_songs_and_scores(told) -> None:
    assert artifact(told, "produce · small", "progress-small")["data"] == 100
    songs = artifact(told, "produce · small", "songs")["data"]
    assert [row[0] for row in rows_of(songs)] == [SHOWN, "Song Two"]
    for (title, state, takes, winner), key in zip(rows_of(songs), ("scores-one", "scores-two"), strict=True):
        assert (state, takes) == ("decided", "2 of 2")
        page = artifact(told, "produce · small", key)["data"]
        scores = rows_of(page)
        assert [(score[0], score[2]) for score in scores] == [("1", "passed"), ("2", "passed")]
        assert scores[0][1] == winner
        (why,) = (line.split(": ", 1)[1] for line in songs.splitlines() if line.startswith(f"- **{title}**"))
        assert why.startswith("Winner: seed")
        assert page.count(why) == 1


def test_the_report_tells_the_winners_and_no_title_breaks_out_of_it(told) -> None:
    report = artifact(told, "produce · small", "report")
    assert report["type"] == "markdown"
    assert f"## {SHOWN}\n" in report["data"]
    assert "## Song Two\n\nWinner: seed" in report["data"]
    assert report["data"].count("Winner: seed") == 2


def test_no_title_breaks_out_of_a_description(told) -> None:
    for shown in told["artifacts"]:
        assert "<b>" not in (shown["description"] or ""), shown["key"]


def test_a_song_that_failed_fails_the_flow_run_and_is_told(told) -> None:
    assert flow_run(told, "produce · gated")["state"] == "Failed"
    made = told["made"]["gated"]
    assert made["release"] is None
    assert list(made["failures"]) == ["two"]
    report = artifact(told, "produce · gated", "report")["data"]
    assert report.count("**Failed:** No winner: seed 1: tempo") == 1
    rejected = rows_of(artifact(told, "produce · gated", "scores-two")["data"])
    assert {(row[0], row[2]) for row in rejected} == {("–", r"failed: tempo\_bpm")}
    assert artifact(told, "produce · gated", "progress-gated")["data"] < 100


def test_transient_trouble_is_tried_again_and_permanent_is_not(told) -> None:
    assert told["moody"] == {
        "transient": "done",
        "lost": "done",
        "permanent": "these lyrics cannot be sung.",
        "leased": "done",
    }
    assert tasks_of(told, "moody") == {
        "transient": ("Completed", 2),
        "lost": ("Completed", 2),
        "permanent": ("Failed", 1),
        "leased": ("Completed", 1),
    }


def test_a_worker_that_is_killed_at_its_work_costs_a_retry_and_not_the_album(told, folder, tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "out"
    shutil.copytree(folder / "home" / "prefect", home / "prefect")
    song = album_document()["songs"][0] | {"seeds": [1, 2, 3]}
    manifest = write_album(tmp_path / "album", album_document(songs=[song]))
    command = [sys.executable, "-m", "flows.cli", "render", str(manifest), "--out", str(out)]
    with subprocess.Popen(
        command, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as render:
        try:
            worker_at_work(render, home).kill()
            finished = rows(home, "SELECT key FROM render WHERE state = 'rendered'")
            assert len(finished) < 3, "the kill came too late to be in the middle"
            _, said = render.communicate(timeout=120)
        finally:
            render.kill()
    assert render.returncode == 0, said
    assert "Traceback" not in said
    done = [kind for (kind,) in rows(home, "SELECT kind FROM activity WHERE outcome = 'done' ORDER BY kind")]
    once = ["accept", "draw", "encode", "master", "pack"]
    assert done == [*once, *["render"] * 3, *["score"] * 3, "select"], "work was lost or done twice"
    assert (out / "small" / "release.json").is_file()
    verified = songline("verify", "--json", home=home)
    assert verified.returncode == 0, verified.stdout


def worker_at_work(render: subprocess.Popen[str], home: Path) -> psutil.Process:
    """The process that holds a lease on a render; leases are held under the name ``host:pid:…``."""
    deadline_s = time.monotonic() + 120
    while time.monotonic() < deadline_s and render.poll() is None:
        if leased := rows(home, "SELECT owner FROM render WHERE state = 'leased'"):
            return psutil.Process(int(leased[0][0].split(":")[1]))
        time.sleep(0.01)
    raise AssertionError("no worker took a lease")


def rows(home: Path, query: str) -> list[tuple[Any, ...]]:
    """What the catalog answers; nothing while it is not there."""
    if not (home / "catalog.sqlite3").exists():
        return []
    with closing(sqlite3.connect(home / "catalog.sqlite3", timeout=30)) as connection:
        try:
            return connection.execute(query).fetchall()
        except sqlite3.OperationalError:
            return []
