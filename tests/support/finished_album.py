"""A finished album for tests, rendered once for all processes of a test run."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.albums import tiny_document, write_album
from tests.support.commands import Album, songline


@pytest.fixture(scope="session")
def finished_album(tmp_path_factory: pytest.TempPathFactory) -> Album:
    """The tiny album, rendered with umask 0; read only (see :func:`own_album` for a copy)."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "finished-album"
    with (shared / "finished-album.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _render(folder)
            (folder / "done").touch()
    return Album(folder / "home", folder / "album" / "album.yaml", folder / "out" / "small")


@pytest.fixture(scope="session")
def begin_home(finished_album: Album) -> Callable[[Path], Path]:
    """A function that creates a home with only Prefect's empty database, as creating that database takes 8 s."""
    (empty,) = (finished_album.home / "prefect").glob("empty-*.db")

    def begun(home: Path) -> Path:
        (home / "prefect").mkdir(parents=True, mode=0o700)
        home.chmod(0o700)
        shutil.copy(empty, home / "prefect" / empty.name)
        return home

    return begun


def _render(folder: Path) -> None:
    manifest = write_album(folder / "album", tiny_document())
    before = os.umask(0)
    try:
        done = songline("render", manifest, "--out", folder / "out", home=folder / "home")
    finally:
        os.umask(before)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def own_album(finished_album: Album, tmp_path: Path) -> Album:
    """A copy of the finished album that the test may change."""
    for name in ("home", "album", "out"):
        shutil.copytree(finished_album.home.parent / name, tmp_path / name, symlinks=True)
    return Album(tmp_path / "home", tmp_path / "album" / "album.yaml", tmp_path / "out" / "small")
