"""Whoever has a published release asks it about the machine and the person that made it."""

from __future__ import annotations

import getpass
import json
import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

from tasks.steps.step_kinds import STEP_KINDS
from tests.attacks.small_album import Run, run, small
from tests.support.places import ROOT

__all__ = ["run", "small"]

OF_THE_MACHINE = ("environment", "device", "figures", "flow_run_id", "task_run_id")


def machine_names() -> dict[str, str]:
    """What would tell this machine or its user apart; words too short to be found by chance only."""
    names = {
        "kernel": platform.release(),
        "system": platform.platform(),
        "host": socket.gethostname(),
        "build of Python": sys.version,
        "version of Python": f"python {platform.python_version()}",
        "home": os.path.expanduser("~") + os.sep,
        "user": getpass.getuser(),
        "checkout": str(ROOT),
    }
    return {what: name for what, name in names.items() if len(name) > 5}


def test_no_file_of_a_release_names_the_machine_or_the_user(small: Path) -> None:
    told = {
        f"{path.relative_to(small)}: {what}"
        for path in (small / "out").rglob("*")
        if path.is_file()
        for what, name in {**machine_names(), "folder": str(small.parent)}.items()
        if name.lower().encode() in path.read_bytes().lower()
    }
    assert told == set()


def test_the_lineage_of_a_release_keeps_to_the_music(small: Path) -> None:
    text = (small / "out" / "small" / "lineage.json").read_text()
    lineage = json.loads(text)
    assert {activity["kind"] for activity in lineage["activities"]} >= {"render", "master", "encode"}
    for activity in lineage["activities"]:
        assert not activity.keys() & set(OF_THE_MACHINE)
        assert {"parameters", "code_version", "revision", "seed", "seconds"} <= activity.keys()
    assert lineage["songs"][0]["recipe"]["seed"] in (1, 2)
    assert lineage["songs"][0]["prompt"]


def test_at_home_the_lineage_still_tells_everything(small: Path, run: Run) -> None:
    mp3 = small / "out" / "small" / "mp3_320" / "01 - Song One.mp3"
    lineage = json.loads(run("lineage", mp3, "--json", home=small / "home").out)
    for activity in lineage["activities"]:
        assert activity.keys() >= set(OF_THE_MACHINE)


def test_only_who_asks_for_it_is_told_of_the_machine(small: Path, run: Run) -> None:
    out, home = small / "out", small / "home"
    plain = {path: path.read_bytes() for path in (out / "small").rglob("*") if path.is_file()}
    assert json.loads(run("export", "small", "--out", out, "--json", home=home).out)["changed"] is False
    asked = json.loads(run("export", "small", "--out", out, "--with-environment", "--json", home=home).out)
    assert asked["changed"] is True
    told = json.loads((out / "small" / "environment.json").read_bytes())
    assert all(activity.keys() >= set(OF_THE_MACHINE) for activity in told["activities"])
    checked = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=out / "small", capture_output=True, check=False)
    assert checked.returncode == 0
    assert b"environment.json: OK" in checked.stdout
    again = json.loads(run("export", "small", "--out", out, "--with-environment", "--json", home=home).out)
    assert again["changed"] is False
    assert json.loads(run("export", "small", "--out", out, "--json", home=home).out)["changed"] is True
    assert {path: path.read_bytes() for path in (out / "small").rglob("*") if path.is_file()} == plain


def test_an_album_packed_by_an_older_songline_is_packed_anew_and_nothing_else() -> None:
    """Its lineage in the store tells of the machine, so that the step has another revision; no other step has."""
    assert (STEP_KINDS["pack"].revision, STEP_KINDS["encode"].revision, STEP_KINDS["master"].revision) == (3, 2, 1)
