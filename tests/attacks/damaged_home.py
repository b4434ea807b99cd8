"""The catalog of the small album, what is put in the place of others there, and what a command says of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.attacks.small_album import Said

LOOKS = (("status", "small"), ("scores", "small"), ("verify",), ("lineage", "MP3"))


def catalog(folder: Path) -> Path:
    return folder / "home" / "catalog.sqlite3"


def log_of_a_killed_process(folder: Path, rows: int) -> Path:
    """A catalog whose last changes stand in its write-ahead log alone, as after a kill."""
    script = f"""
import os, sqlite3
connection = sqlite3.connect({str(catalog(folder))!r}, isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("PRAGMA wal_autocheckpoint = 0")
for number in range({rows}):
    connection.execute("UPDATE album SET title = ?", (f"Ada {{number}}",))
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", script], check=False)
    log = catalog(folder).with_name("catalog.sqlite3-wal")
    assert log.stat().st_size > 4096
    return log


def blob(folder: Path) -> Path:
    release = json.loads((folder / "out" / "small" / "release.json").read_bytes())
    digest = release["tracks"][0]["deliverables"]["mp3_320"]["sha256"]
    return folder / "home" / "store" / "objects" / digest[:2] / digest[2:4] / digest


def honest(said: Said, *parts: str) -> None:
    assert "Traceback" not in said.err
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    for part in parts:
        assert part in said.err, said.err
