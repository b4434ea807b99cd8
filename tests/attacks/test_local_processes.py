"""What a command starts at home: it ends with the command, and a damaged or oddly named place does not stop it."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from tasks.parent_process import ending_with_starter
from tests.attacks.attackers import running_command
from tests.support.albums import tiny_document, write_album
from tests.support.commands import songline

LONGEST_S = 6.0
"""How long a child may outlive its parent on a busy machine."""


@pytest.mark.parametrize("killed", ["command", "worker", "api"])
def test_children_end_with_their_parent(tmp_path: Path, begin_home, killed) -> None:
    document = tiny_document()
    document["songs"][0] |= {"seeds": {"start": 1, "count": 60}}  # type: ignore[index]
    manifest = write_album(tmp_path / "album", document)
    with running_command(begin_home(tmp_path / "home"), "render", manifest, "--out", tmp_path / "out") as victim:
        victim.await_children(4)
        family = {member: " ".join(member.cmdline()) for member in victim.family()}
        marks = {"command": "flows.cli", "worker": "spawn_main", "api": "flows.embedded.process"}
        first = next(member for member, line in family.items() if marks[killed] in line)
        busy = _burners()
        try:
            first.kill()
            if killed == "worker":  # without it the command goes on
                victim.process.kill()
            # A killed process is gone once its last thread is, which may wait for the disk.
            psutil.wait_procs([psutil.Process(victim.process.pid)], timeout=60)
            deadline_s = time.monotonic() + LONGEST_S
            while (
                alive := [line for member, line in family.items() if lives(member)]
            ) and time.monotonic() < deadline_s:
                time.sleep(0.02)
        finally:
            for burner in busy:
                burner.kill()
                burner.wait()
        assert not alive


_THREAD_EXIT = {"x86_64": 60, "aarch64": 93}
_KEPT_BY_A_THREAD = """
import ctypes, os, subprocess, sys, threading, time
from tasks.parent_process import is_main_thread, lifeline
line = lifeline().fileno()
child = f"import time; from tasks.parent_process import end_with_parent; \\
end_with_parent({line}, {os.getpid()}, of_main_thread={is_main_thread()}); print(flush=True); time.sleep(300)"
started = subprocess.Popen([sys.executable, "-c", child], pass_fds=[line], stdout=subprocess.PIPE)
started.stdout.readline()
print(started.pid, flush=True)
threading.Thread(target=time.sleep, args=(300,)).start()
ctypes.CDLL(None).syscall(int(sys.argv[1]), 0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: the end of a thread is signalled on Linux only")
def test_children_do_not_wait_for_a_thread_that_the_disk_keeps() -> None:
    """As where a thread of a killed command waits for the disk, and all that the command had open stays open."""
    number = _THREAD_EXIT.get(platform.machine())
    if number is None:
        pytest.skip("NOT TESTED: the number of the call that ends a thread is not known here")
    command = [sys.executable, "-c", _KEPT_BY_A_THREAD, str(number)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        deadline_s = time.monotonic() + LONGEST_S
        while lives(child) and time.monotonic() < deadline_s:
            time.sleep(0.02)
        alive, kept = lives(child), parent.poll() is None
        parent.kill()
    assert kept
    assert not alive


def test_a_program_does_not_outlive_a_starter_that_ends_while_it_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr("tasks.parent_process.signal_at_end_of_starter", lambda: None)
    monkeypatch.setattr("os._exit", ended.append)
    begin_child = ending_with_starter()
    monkeypatch.setattr("os.getppid", os.getpid)
    begin_child()
    assert ended == []
    monkeypatch.setattr("os.getppid", lambda: 1)
    begin_child()
    assert ended == [1]


def lives(process: psutil.Process) -> bool:
    """Whether it still runs; one that ended and that nobody has asked about yet does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _burners() -> list[subprocess.Popen[bytes]]:
    """Load: as many busy processes as make a watching thread wait."""
    return [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3)]


def test_a_damaged_prefect_database_is_set_aside_and_said_in_a_home_of_any_name(own_album) -> None:
    """It holds nothing that is needed; the catalog does. A name cuts no database's address."""
    home = own_album.home.rename(own_album.home.with_name("h?mode=memory&x #%41 ü"))
    beside = sorted(home.parent.iterdir())
    path = home / "prefect" / "prefect.db"
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    path.write_bytes(b"not a database" * 1000)
    document = tiny_document()
    document["songs"][0] |= {"seeds": [1, 2, 3]}  # type: ignore[index]
    manifest = write_album(own_album.manifest.parent, document)
    done = songline("render", manifest, "--out", own_album.release.parent, home=home)
    assert done.returncode == 0, done.stderr
    assert "Prefect's records of earlier runs" in done.stderr
    assert (path.parent / "prefect.db.damaged").read_bytes().startswith(b"not a database")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
    assert sorted(home.parent.iterdir()) == beside
