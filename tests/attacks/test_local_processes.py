"""What a command starts at home: it ends with the command, and a damaged or oddly named place does not stop it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import psutil
import pytest

from tests.attacks.attackers import running_command, tiny_document
from tests.support import songline, write_album

LONGEST_S = 6.0
"""How long a child may outlive its parent on a busy machine."""


@pytest.mark.parametrize("killed", ["command", "worker", "api"])
def test_children_end_with_their_parent(tmp_path, begin_home, killed):
    document = tiny_document()
    document["songs"][0] |= {"seeds": {"start": 1, "count": 60}}  # type: ignore[index]
    manifest = write_album(tmp_path / "album", document)
    with running_command(begin_home(tmp_path / "home"), "render", manifest, "--out", tmp_path / "out") as victim:
        victim.await_children(4)
        family = {member: " ".join(member.cmdline()) for member in victim.family()}
        marks = {"command": "flows.cli", "worker": "spawn_main", "api": "flows.local_api_server"}
        first = next(member for member, line in family.items() if marks[killed] in line)
        busy = _burners()
        try:
            first.kill()
            if killed == "worker":  # without it the command goes on
                victim.process.kill()
            # A killed process is gone once its last thread is, which may wait for the disk.
            psutil.wait_procs([psutil.Process(victim.process.pid)], timeout=60)
            give_up = time.monotonic() + LONGEST_S
            while (alive := [line for member, line in family.items() if lives(member)]) and time.monotonic() < give_up:
                time.sleep(0.02)
        finally:
            for burner in busy:
                burner.kill()
                burner.wait()
        assert not alive


def lives(process: psutil.Process) -> bool:
    """Whether it still runs; one that ended and that nobody has asked about yet does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _burners() -> list[subprocess.Popen[bytes]]:
    """Load: as many busy processes as make a watching thread wait."""
    return [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3)]


def test_a_damaged_prefect_database_is_set_aside_and_said_in_a_home_of_any_name(own_album):
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
