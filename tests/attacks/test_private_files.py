"""Other users of the machine look for lyrics and unreleased sound: what is kept is its user's alone."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.catalog import open_catalog
from catalog.common.settings import Settings
from catalog.files.whole_file import copy_whole, whole_file
from catalog.models.store import ModelStore
from tests.attacks.small_album import Run, run, small
from tests.support.commands import Album, environment
from tests.support.models import install, relaxed_table

__all__ = ["run", "small"]


@pytest.fixture
def open_umask() -> Iterator[None]:
    """The most open umask a user can have."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(folder: Path, bits: int = 0o077) -> list[str]:
    paths = [folder, *folder.rglob("*")]
    return [f"{path} {oct(mode)}" for path in paths if (mode := stat.S_IMODE(path.lstat().st_mode)) & bits]


def test_nothing_in_a_home_is_open_whatever_the_umask_is(finished_album: Album) -> None:
    """The whole line with Prefect's own files, its pool and its server, in processes of their own, under umask 0."""
    assert (finished_album.home / "prefect").is_dir()
    assert open_to_others(finished_album.home) == []
    modes = {stat.S_IMODE(path.stat().st_mode) for path in finished_album.release.rglob("*") if path.is_file()}
    assert modes == {0o666}, "a release obeys the user's umask"


@pytest.mark.usefixtures("open_umask")
def test_nothing_that_the_catalog_makes_is_open_whatever_the_umask_is(tmp_path: Path) -> None:
    with open_catalog(Settings(home=tmp_path / "new" / "home")) as catalog:
        catalog.store.put_bytes(b"unreleased")
        with catalog.database.write(), catalog.scratch():
            assert {path.name for path in catalog.settings.home.glob("catalog*")} >= {"catalog.sqlite3-wal"}
            assert open_to_others(tmp_path / "new") == []


@pytest.mark.usefixtures("open_umask")
def test_a_backup_is_its_users_alone_and_an_older_one_is_closed(small: Path, run: Run) -> None:
    assert run("backup", small / "backup", home=small / "home").code == 0
    assert open_to_others(small / "backup") == []
    subprocess.run(["chmod", "-R", "a+rX", small / "backup"], check=True)
    assert run("backup", small / "backup", home=small / "home").code == 0
    assert open_to_others(small / "backup") == []


def test_an_older_home_is_closed_when_it_is_opened_and_others_files_are_let_alone(small: Path, run: Run) -> None:
    home = small / "home"
    subprocess.run(["chmod", "-R", "a+rX", home], check=True)
    assert run("status", "small", home=home).code == 0
    assert open_to_others(home) == []
    outside = small / "outside.txt"
    outside.write_text("not ours")
    outside.chmod(0o644)
    subprocess.run(["chmod", "-R", "a+rX", home], check=True)
    (home / "notes.txt").write_text("not ours either")
    (home / "notes.txt").chmod(0o644)
    (home / "store" / "link").symlink_to(outside)
    assert run("status", "small", home=home).code == 0
    assert stat.S_IMODE((home / "notes.txt").stat().st_mode) == 0o644
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644
    assert stat.S_IMODE(home.stat().st_mode) == 0o755, "somebody else's file is read through it"
    assert stat.S_IMODE((home / "store").stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "catalog.sqlite3").stat().st_mode) == 0o600


@pytest.mark.parametrize(("mask", "file", "folder"), [(0o022, 0o644, 0o755), (0o027, 0o640, 0o750)])
def test_a_release_obeys_the_umask_of_its_user(small: Path, mask: int, file: int, folder: int) -> None:
    shutil.rmtree(small / "out")
    script = f"import os; os.umask({mask}); from flows.cli.main import main; main()"
    command = [sys.executable, "-c", script, "export", "small", "--out", str(small / "out")]
    subprocess.run(command, env=environment(small / "home"), capture_output=True, check=True)
    made = [small / "out", *(small / "out").rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_file()} == {file}
    assert {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_dir()} == {folder}


@pytest.mark.usefixtures("open_umask")
def test_a_studio_that_shares_its_home_asks_for_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", shared_home="group")
    with open_catalog(settings) as catalog:
        catalog.store.put_bytes(b"song")
    assert open_to_others(tmp_path / "home", 0o007) == []
    for path in [settings.home, *settings.home.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        if path.is_dir():
            assert mode == 0o2770, path
        elif "objects" in path.parts:
            assert mode == 0o440, path
        else:
            assert mode == 0o660, path


@pytest.mark.usefixtures("open_umask")
def test_the_models_of_a_store_are_closed(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models", relaxed_table(tmp_path / "models.toml"))
    (tmp_path / "vae_model.pt").write_bytes(b"weights")
    install(store, "diffrhythm-vae", {"vae_model.pt": tmp_path / "vae_model.pt"})
    assert open_to_others(tmp_path / "models") == []


def test_a_file_in_the_making_is_closed_until_it_is_whole(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"song")
    with whole_file(tmp_path / "out", mode=0o644) as target:
        target.write(b"half")
        assert [path.name for path in tmp_path.iterdir()] == ["source"]
    assert (tmp_path / "out").read_bytes() == b"half"
    copy_whole(tmp_path / "source", tmp_path / "out", mode=0o640)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o640
    assert (tmp_path / "out").read_bytes() == b"song"
