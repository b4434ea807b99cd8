"""Runs the real command in a process of its own, and gives access to an album made by it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.common.digests import digest_file
from tests.support.command_server import CommandServer

SERVER = CommandServer()


def songline(*arguments: str | Path, home: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the real command in a process of its own."""
    return SERVER.run([str(argument) for argument in arguments], environment(home, **settings), timeout_s=300)


def environment(home: Path, **settings: str) -> dict[str, str]:
    """The environment of a command with its home in ``home``."""
    return os.environ | {"SONGLINE_HOME": str(home), "NO_COLOR": "1", "COLUMNS": "200", **settings}


@dataclass(frozen=True, slots=True)
class Album:
    """An album with its home and the path of its release."""

    home: Path
    manifest: Path
    release: Path

    def run(self, *arguments: str | Path, code: int = 0, **settings: str) -> subprocess.CompletedProcess[str]:
        done = songline(*arguments, home=self.home, **settings)
        assert done.returncode == code, done.stderr
        return done

    def json(self, *arguments: str | Path, code: int = 0, **settings: str) -> Any:
        """The JSON document on stdout; asserts that stderr is empty for success and findings."""
        done = self.run(*arguments, "--json", code=code, **settings)
        assert done.stderr == ""
        return json.loads(done.stdout)

    @property
    def mp3(self) -> Path:
        return self.release / "mp3_320" / "01 - Song One.mp3"

    def stored(self, digest: str) -> Path:
        return self.home / "store" / "objects" / digest[:2] / digest[2:4] / digest

    def dump(self) -> list[str]:
        """All contents of the catalog."""
        with closing(sqlite3.connect(self.home / "catalog.sqlite3")) as connection:
            return list(connection.iterdump())

    def done(self) -> list[str]:
        """The kinds of all committed work."""
        with closing(sqlite3.connect(self.home / "catalog.sqlite3")) as connection:
            return [kind for (kind,) in connection.execute("SELECT kind FROM activity WHERE outcome = 'done'")]


def files_of(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): digest_file(p) for p in folder.rglob("*") if p.is_file()}
