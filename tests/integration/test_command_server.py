"""A command that is forked for a test does what a command that is started does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command_server import CommandServer, starts_otherwise
from tests.support.commands import SERVER, environment, songline

pytestmark = pytest.mark.slow


COMMANDS = (["status"], ["status", "nowhere", "--json"], ["validate", "album.yaml"], ["--x"])


@pytest.mark.parametrize("arguments", COMMANDS)
def test_it_says_the_same_and_ends_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "album.yaml").write_text("schema_version: 1\ntitle: café\n")
    forked = songline(*arguments, home=tmp_path / "home")
    started = subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        env=environment(tmp_path / "home"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (forked.returncode, forked.stdout, forked.stderr) == (started.returncode, started.stdout, started.stderr)


def test_variables_that_an_interpreter_reads_at_its_start_are_seen() -> None:
    usual = {"PATH": "/bin", "SONGLINE_HOME": "a"}
    assert not starts_otherwise(usual, {"SONGLINE_HOME": "b", "PYTHONPATH": "c"})
    for name in ("PYTHONWARNINGS", "LC_ALL", "LANG", "LD_PRELOAD"):
        assert starts_otherwise(usual, {**usual, name: "x"})
        assert starts_otherwise({**usual, name: "x"}, usual)


def test_a_command_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        SERVER.run(["status"], environment(tmp_path / "home"), timeout_s=0.0)


def test_a_server_that_begins_under_a_safe_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    server = CommandServer()
    assert server.run(["--version"], environment(tmp_path), 60).returncode == 0
    monkeypatch.delenv("PYTHONSAFEPATH")
    assert server.run(["--version"], environment(tmp_path), 60).returncode == 0
    assert os.listdir(tmp_path) == []
