"""Commands on the tiny album, run in this process: an exception that no command knows fails the test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.cli.main import main
from tests.support.commands import Album


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def small(own_album: Album) -> Path:
    """A folder of the test's own with the tiny album's home, manifest and release."""
    return own_album.home.parent


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run a command here, by the command's own entry point; an exception that it does not know fails the test."""
    mask = os.umask(0o022)
    os.umask(mask)

    def called(*arguments: str | Path, home: Path, **settings: str) -> Said:
        for name, value in {"SONGLINE_HOME": str(home), "COLUMNS": "200", "NO_COLOR": "1", **settings}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["songline", *map(str, arguments)])
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        told = capfd.readouterr()
        return Said(code, told.out, told.err)

    yield called
    os.umask(mask)
