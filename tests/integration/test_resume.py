"""Kills, doubles and changes, with the real command in real processes."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from catalog.common.digests import digest_file
from tests.support.albums import album_document, write_album
from tests.support.commands import environment, songline

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, begin_home):
    """A folder with one render that nothing disturbed: its release, and a home whose Prefect is set up."""
    folder = tmp_path_factory.mktemp("undisturbed")
    home = begin_home(folder / "home")
    done = songline("render", write_album(folder / "album"), "--out", folder / "out", home=home)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def home(undisturbed, tmp_path: Path):
    """A fresh home; Prefect's first set-up, which takes long and is not the subject, is copied."""
    shutil.copytree(undisturbed / "home" / "prefect", tmp_path / "home" / "prefect")
    return tmp_path / "home"


def files_of(release: Path) -> dict[str, str]:
    """Digest of every file but those that carry run times: ids and seconds of activities differ from run to run."""
    run_bound = {"lineage.json", "index.html", "release.json", "SHA256SUMS"}
    return {
        path.relative_to(release).as_posix(): digest_file(path)
        for path in release.rglob("*")
        if path.is_file() and path.name not in run_bound
    }


def activities(home: Path) -> list[tuple[str, str]]:
    """Kind and work key of every attempt that was committed; none while there is no catalog."""
    if not (home / "catalog.sqlite3").exists():
        return []
    with closing(sqlite3.connect(home / "catalog.sqlite3", timeout=30)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'activity'").fetchone():
            return []
        return connection.execute("SELECT kind, work_key FROM activity WHERE outcome = 'done'").fetchall()


def offspring(home: Path) -> list[psutil.Process]:
    """Living processes that were started with this home."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("SONGLINE_HOME") == str(home) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
    return found


Start = Callable[[Path, Path], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(home) -> Iterator[Start]:
    """Start `songline render`; what still runs at the end is ended."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(album: Path, out: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "flows.cli", "render", str(album), "--out", str(out)]
        quiet = subprocess.DEVNULL
        started.append(subprocess.Popen(command, env=environment(home), stdout=quiet, stderr=quiet))
        return started[-1]

    yield begin
    for running in started:
        running.kill()
        running.wait()


@pytest.mark.parametrize("wanted", ["render", "score", "master"])
def test_after_a_kill_the_same_command_continues(home, start, undisturbed, tmp_path: Path, wanted) -> None:
    album = write_album(tmp_path / "album")
    running = start(album, tmp_path / "out")
    deadline_s = time.monotonic() + 120
    while time.monotonic() < deadline_s:
        if any(kind == wanted for kind, _ in activities(home)):
            break
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    before = activities(home)
    assert any(kind == wanted for kind, _ in before)
    deadline_s = time.monotonic() + 15
    while offspring(home) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert offspring(home) == []

    done = songline("render", album, "--out", tmp_path / "out", home=home)
    assert done.returncode == 0, done.stderr
    after = activities(home)
    assert len(after) == len(set(after)), "work was committed twice"
    assert set(before) <= set(after)
    assert files_of(tmp_path / "out" / "small") == files_of(undisturbed / "out" / "small")
    clean = songline("verify", "--json", home=home)
    assert clean.returncode == 0, clean.stdout


def test_two_renders_at_once_end_with_one_album(home, start, tmp_path: Path) -> None:
    album = write_album(tmp_path / "album")
    both = [start(album, tmp_path / "out") for _ in range(2)]
    assert [running.wait(timeout=240) for running in both] == [0, 0]
    done = activities(home)
    assert len(done) == len(set(done)), "work was committed twice"
    release = json.loads((tmp_path / "out" / "small" / "release.json").read_bytes())
    assert release["build"] == 1
    assert len([kind for kind, _ in done if kind == "render"]) == 4
    checked = subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"],
        cwd=tmp_path / "out" / "small",
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["small"]


def test_what_a_change_costs(home, tmp_path: Path) -> None:
    document = album_document()
    folder, out = tmp_path / "album", tmp_path / "out"

    def render() -> tuple[subprocess.CompletedProcess[str], list[str]]:
        before = set(activities(home))
        done = songline("render", write_album(folder, document), "--out", out, home=home)
        assert done.returncode == 0, done.stderr
        return done, sorted(kind for kind, key in activities(home) if (kind, key) not in before)

    _, first = render()
    assert first.count("render") == 4

    again, made = render()
    assert made == []
    assert "nothing was missing" in again.stdout

    document["songs"][0]["title"] = "Song One (Night Version)"
    _, made = render()
    assert made == ["encode", "pack"]
    names = {path.name for path in (out / "small" / "mp3_320").iterdir()}
    assert names == {"01 - Song One (Night Version).mp3", "02 - Song Two.mp3"}

    document["songs"][1]["prompt"] = "slow ballad, 80 BPM, D major"
    _, made = render()
    assert made.count("render") == 2
    assert made.count("score") == 2
    assert made.count("master") == 1

    document["songs"][0]["seeds"] = [1, 2, 3]
    _, made = render()
    assert made.count("render") == 1
