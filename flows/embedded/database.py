"""The database of Prefect's API on this machine: records of runs, none of which is needed once a command has ended.

The catalog keeps the history of the work. A damaged file is therefore set aside and a large one replaced, when no
other command uses it. A copy of an empty database is kept as a template, since creating its tables takes seconds.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self

from flows.embedded.files import clear, own_file

DATABASE = "prefect.db"
DAMAGED = "prefect.db.damaged"
LARGEST_BYTES = 8_000_000
"""About thirty albums; an empty database takes 1.5 MB."""
SIDECAR_SUFFIXES = ("-wal", "-shm", "-journal")
"""Suffixes of the files that SQLite keeps next to a database."""


class LocalDatabase:
    """One command's use of the database in ``home``. Hold the setup lock from ``prepare`` until the server answers."""

    def __init__(self, home: Path) -> None:
        self._path = home / DATABASE
        self._damaged = home / DAMAGED
        self._empty = home / f"empty-{version('prefect')}.db"
        self._lock = own_file(home / "in-use.lock", os.O_RDWR)
        self._is_only_user = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        os.close(self._lock)

    @property
    def lock(self) -> int:
        """The descriptor of the lock that marks the database as used. A server that inherits it holds the lock."""
        return self._lock

    def prepare(self) -> str | None:
        """Ensure that the server finds an intact database or none; returns a message where one was set aside."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._is_only_user = True
        except BlockingIOError:
            self._is_only_user = False  # another command's server has it open and found it intact
        try:
            if not self._is_only_user:
                return None
            message = None
            if os.path.lexists(self._path):
                if not is_sound(self._path):
                    message = self.set_aside()
                elif self._path.stat().st_size > LARGEST_BYTES:
                    self._remove(self._path)
            if not self._path.exists() and is_sound(self._empty):
                _copy(self._empty, self._path)
            return message
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_SH)

    def set_aside(self) -> str | None:
        """Move the database and its sidecar files away; None where it does not exist or is in use."""
        if not self._is_only_user or not os.path.lexists(self._path):
            return None
        self._remove(self._damaged)
        for suffix in ("", *SIDECAR_SUFFIXES):
            with suppress(FileNotFoundError):
                os.replace(f"{self._path}{suffix}", f"{self._damaged}{suffix}")
        return (
            f"Prefect's records of earlier runs in {self._path} were unusable. They hold nothing that is needed: they"
            f" are now in {self._damaged.name}, and new ones were begun"
        )

    def keep_empty(self) -> None:
        """Keep a copy of a database without runs as a template, once for each version of Prefect."""
        if self._empty.exists() or not self._is_only_user or self._has_runs():
            return
        for template in self._path.parent.glob("empty-*.db"):
            clear(template)
        partial_copy = self._empty.with_suffix(".part")
        clear(partial_copy)
        _copy(self._path, partial_copy)
        os.replace(partial_copy, self._empty)

    def _has_runs(self) -> bool:
        with closing(sqlite3.connect(self._path)) as connection:
            return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM flow_run)").fetchone()[0])

    def _remove(self, path: Path) -> None:
        for suffix in ("", *SIDECAR_SUFFIXES):
            clear(Path(f"{path}{suffix}"))


def is_sound(path: Path) -> bool:
    """Whether SQLite finds an intact database in a file that no other process uses. False where there is none."""
    if not path.is_file():
        return False
    try:
        with closing(sqlite3.connect(path)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.DatabaseError:
        return False


def _copy(source: Path, target: Path) -> None:
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(source)) as origin, closing(sqlite3.connect(target)) as copy:
        origin.backup(copy)
