"""A rendered album, its copies, and what the tests of commands do to them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.albums import album_document, write_album
from tests.support.commands import Album
from tests.support.made_once import copy_of_made

DELIVERABLES = {"wav24": "wav", "flac24": "flac", "mp3_320": "mp3"}
STEMS = ("mix", "vocals", "drums", "bass", "other")


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory, begin_home: Callable[[Path], Path]) -> Album:
    """The rendered album; to be looked at only."""

    def of(folder: Path) -> Album:
        return Album(folder / "home", folder / "album" / "album.yaml", folder / "out" / "small")

    def render(folder: Path) -> None:
        begin_home(folder / "home")
        write_album(folder / "album", album_document(stems="native", deliverables=list(DELIVERABLES)))
        of(folder).run("render", of(folder).manifest, "--out", folder / "out")

    return of(copy_of_made(tmp_path_factory, "rendered-album", render))


@pytest.fixture
def album(rendered: Album, tmp_path: Path) -> Album:
    """The rendered album with a home and a release of the test's own."""
    shutil.copytree(rendered.home, tmp_path / "home")
    shutil.copytree(rendered.release, tmp_path / "out" / "small")
    return replace(rendered, home=tmp_path / "home", release=tmp_path / "out" / "small")


@pytest.fixture
def fresh(rendered: Album, tmp_path: Path) -> Album:
    """The album's manifest with a home where nothing was ever done."""
    return replace(rendered, home=tmp_path / "home", release=tmp_path / "out" / "small")


def sums(release: Path) -> subprocess.CompletedProcess[str]:
    command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    return subprocess.run(command, cwd=release, capture_output=True, text=True, check=False)


def check_scores(candidate: dict[str, Any]) -> None:
    for metric in candidate["metrics"].values():
        assert set(metric) - {"windows"} in ({"value", "unit"}, {"not_measurable"})
    assert -40 < candidate["metrics"]["integrated_lufs"]["value"] < 0
    assert candidate["metrics"]["integrated_lufs"]["unit"] == "LUFS"
    assert candidate["gates"]
    for gate in candidate["gates"]:
        assert set(gate) >= {"name", "value", "limit", "passed"}
        assert gate["passed"]
        assert gate["value"] == candidate["metrics"][gate["name"]]["value"]
    assert candidate["sentence"].startswith(("Winner: seed", "Rank 2 of 2: seed"))
