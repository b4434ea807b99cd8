"""A finished album for tests, rendered once for all processes of a test run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.albums import tiny_document, write_album
from tests.support.commands import Album, songline
from tests.support.made_once import made_once


@pytest.fixture(scope="session")
def finished_album(tmp_path_factory: pytest.TempPathFactory) -> Album:
    """The tiny album, rendered with umask 0 in a home that was empty; read only (see :func:`own_album` for a copy)."""
    folder = made_once(tmp_path_factory, "finished-album", _render)
    return Album(folder / "home", folder / "album" / "album.yaml", folder / "out" / "small")


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
