"""Somebody puts code, links and folders where a command of ours starts its processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.common.errors import MachineError
from flows.embedded.database import LocalDatabase
from flows.embedded.files import own_file, own_folder
from tests.support.albums import tiny_document, write_album
from tests.support.commands import environment

PLANTED = ("multiprocessing", "uvicorn", "flows", "catalog", "tasks", "prefect", "numpy", "encodings", "json")


def test_modules_of_the_working_folder_and_of_the_home_are_not_imported(tmp_path: Path, begin_home) -> None:
    """An album's archive is unpacked, and the user steps into it to render."""
    marker, home = tmp_path / "code-ran", begin_home(tmp_path / "home")
    manifest = write_album(tmp_path / "album", tiny_document())
    for name in PLANTED:
        for folder in (manifest.parent, home / "prefect"):
            (folder / f"{name}.py").write_text(f"open({str(marker)!r}, 'w').write({name!r})\nraise SystemExit(9)\n")
    (home / "prefect" / "profiles.toml").write_text(
        'active = "theirs"\n[profiles.theirs]\nPREFECT_API_URL = "http://attacker.test/api"\n'
    )
    done = subprocess.run(
        [sys.executable, "-P", "-m", "flows.cli", "render", manifest.name, "--out", tmp_path / "out"],
        cwd=manifest.parent,
        env=environment(home) | {"PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert not marker.exists(), marker.read_text()
    assert done.returncode == 0, done.stderr


def test_a_folder_of_another_user_is_not_ours(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: only root can give a folder to another user")
    (tmp_path / "prefect").mkdir()
    os.chown(tmp_path / "prefect", 65534, 65534)
    with pytest.raises(MachineError, match="belongs to another user"):
        own_folder(tmp_path / "prefect")
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(MachineError, match="is a link"):
        own_folder(tmp_path / "link")


@pytest.mark.parametrize("planted", ["link", "folder", "pipe", "nothing"])
def test_what_stands_in_the_way_of_a_file_of_ours_goes_and_what_it_leads_to_stays(tmp_path: Path, planted) -> None:
    victim, path = tmp_path / "victim", tmp_path / "server.log"
    victim.write_text("mine")
    if planted == "link":
        path.symlink_to(victim)
    elif planted == "folder":
        (path / "in").mkdir(parents=True)
    elif planted == "pipe":
        os.mkfifo(path)
    os.close(own_file(path, os.O_WRONLY | os.O_TRUNC))
    assert path.is_file()
    assert not path.is_symlink()
    assert victim.read_text() == "mine"


def test_folders_in_place_of_the_database_are_set_aside_again_and_again(tmp_path: Path) -> None:
    for _ in range(3):
        (tmp_path / "prefect.db" / "x").mkdir(parents=True)
        with LocalDatabase(tmp_path) as database:
            assert "unusable" in (database.prepare() or "")
        assert not (tmp_path / "prefect.db").exists()
        assert (tmp_path / "prefect.db.damaged").is_dir()


def test_the_reason_why_the_api_does_not_start_is_told(tmp_path: Path) -> None:
    from flows.embedded.files import last_line

    log = Path(tmp_path / "server.log")
    assert last_line(log) == ""
    log.write_text("Traceback\n  at\nModuleNotFoundError: No module named 'uvicorn'\n\n")
    assert last_line(log) == "ModuleNotFoundError: No module named 'uvicorn'"
