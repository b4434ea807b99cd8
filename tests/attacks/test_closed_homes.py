"""Homes that cannot be written, and full disks: they can be looked at, and what is wrong is told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from catalog.common.settings import Settings
from flows.cli.admin.doctor import CHECKS
from flows.cli.main import main
from tests.attacks.damaged_home import LOOKS, catalog, honest, log_of_a_killed_process
from tests.attacks.small_album import Run, run, small

__all__ = ["run", "small"]

# --- homes that cannot be written


@contextmanager
def immutable(home: Path) -> Iterator[dict[str, str]]:
    """A home that even root cannot write to, where the file system has that flag."""
    done = subprocess.run(["chattr", "-R", "+i", home], capture_output=True, check=False)
    try:
        if done.returncode:
            pytest.skip("NOT TESTED: this file system has no immutable files")
        yield {}
    finally:
        subprocess.run(["chattr", "-R", "-i", home], capture_output=True, check=False)


@contextmanager
def mounted_read_only(home: Path) -> Iterator[dict[str, str]]:
    if subprocess.run(["mount", "--bind", home, home], capture_output=True, check=False).returncode:
        pytest.skip("NOT TESTED: this user may not mount")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", home], capture_output=True, check=True)
        yield {}
    finally:
        subprocess.run(["umount", home], capture_output=True, check=True)


@contextmanager
def catalog_alone_read_only(home: Path) -> Iterator[dict[str, str]]:
    with immutable(home / "catalog.sqlite3") as settings:
        yield settings


READ_ONLY = [immutable, mounted_read_only, catalog_alone_read_only]


@pytest.mark.parametrize("closed", READ_ONLY)
@pytest.mark.parametrize("after_a_kill", [False, True])
def test_a_home_that_cannot_be_written_can_be_looked_at(
    small: Path, run: Run, closed: Callable[[Path], Iterator[None]], after_a_kill: bool
) -> None:
    home, mp3 = small / "home", small / "out" / "small" / "mp3_320" / "01 - Song One.mp3"
    if after_a_kill:
        log_of_a_killed_process(small, 2)
        catalog(small).with_name("catalog.sqlite3-shm").unlink()
    with closed(home):  # type: ignore[attr-defined]
        before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
        for look in LOOKS:
            said = run(*(mp3 if word == "MP3" else word for word in look), home=home)
            assert (said.code, said.err) == (0, ""), look
        assert run("export", "small", "--out", small / "elsewhere", home=home).code == 0
        assert run("measure", mp3, home=home).code == 0
        looked = next(check for check in CHECKS if check.__name__ == "_catalog")(Settings(home=home))
        assert looked.verdict == "missing"
        assert "readable, not writable" in looked.found
        for command in (("retry",), ("render", small / "album" / "album.yaml", "--out", small / "out"), ("gc",)):
            said = run(*command, home=home)
            assert said.code == 4, command
            honest(said, "nothing can be written", str(home))
        assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before
    assert (small / "elsewhere" / "small" / "release.json").is_file()


def test_another_user_looks_at_a_home_that_is_open_to_reading(small: Path, run: Run) -> None:
    """As an ordinary user, whom no capability helps; the home was opened to others on purpose."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: only root becomes another user")
    run("retry", home=small / "home")  # so that all modules are loaded: the other user may not read them
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(small / "home", Path(folder, "home"))
        subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
        for command, code, said in ((("status", "small"), 0, "Song One"), (("retry",), 4, "nothing can be written")):
            assert run(*command, home=Path(folder, "home")).code == 0
            subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
            read, write = os.pipe()
            if (child := os.fork()) == 0:
                sys.stdout = sys.stderr = os.fdopen(write, "w")
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
                try:
                    main()
                except SystemExit as ended:
                    sys.stdout.flush()
                    sys.stderr.flush()
                    os._exit(int(ended.code or 0))
                finally:
                    os._exit(99)
            os.close(write)
            _, status = os.waitpid(child, 0)
            with os.fdopen(read) as told:
                assert said in told.read()
            assert os.waitstatus_to_exitcode(status) == code


def test_a_full_disk_is_called_full_and_the_home_can_be_looked_at(small: Path, run: Run) -> None:
    disk = small / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "x", disk], check=False).returncode:
        pytest.skip("NOT TESTED: this user may not mount")
    try:
        shutil.copytree(small / "home", disk / "home", ignore=shutil.ignore_patterns("store"))
        room = os.statvfs(disk)
        (disk / "filling").write_bytes(bytes(room.f_bavail * room.f_frsize))
        said = run("status", "small", home=disk / "home")
        assert "Traceback" not in said.err
        assert said.code == 0, said.err
        refused = run("retry", home=disk / "home")
        assert refused.code == 4
        honest(refused, "full", "Free disk space")
    finally:
        subprocess.run(["umount", disk], check=True)
