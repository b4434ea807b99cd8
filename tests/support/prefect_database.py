"""Prefect's database without any run, for homes and servers that begin: creating its tables takes 8 s.

That Songline creates it by itself in a new home is tested by :mod:`tests.support.finished_album`, whose home begins
with nothing.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.made_once import made_once


@pytest.fixture(scope="session")
def empty_prefect(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template of an empty database, as Songline keeps it in a home."""
    folder = made_once(tmp_path_factory, "empty-prefect", _make)
    (template,) = folder.glob("empty-*.db")
    return template


@pytest.fixture(scope="session")
def begin_home(empty_prefect: Path) -> Callable[[Path], Path]:
    """A function that creates a home with that template in it and nothing else; gives the home."""

    def begun(home: Path) -> Path:
        (home / "prefect").mkdir(parents=True, mode=0o700)
        home.chmod(0o700)
        shutil.copy(empty_prefect, home / "prefect" / empty_prefect.name)
        return home

    return begun


def _make(folder: Path) -> None:
    subprocess.run([sys.executable, "-m", __name__, str(folder)], check=True, timeout=300)


def main(folder: Path) -> None:
    """Start Prefect's API there as a command does, and end it. For a process of its own."""
    from flows.embedded.api import local_api

    with local_api(folder):
        pass


if __name__ == "__main__":
    main(Path(sys.argv[1]))
