"""Staging folders beside the destination of a release or a set of stems, and the removal of those that killed
processes left.

They have a hidden name and a lock that the system drops when its process dies. The next build for the same
destination removes stale ones, and so does the next command of the same home where the destination was noted
(:mod:`catalog.files.scratch`).
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import re
import shutil
from pathlib import Path

RELEASE_FILE = "release.json"
"""A folder that holds this file is a release, which may be replaced."""

STAGING, ASIDE = "staging", "old"
MEANWHILE = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT})
"""Error numbers of a rename whose target another process has just changed."""


def hidden_name(destination: Path, kind: str, number: int) -> str:
    """The name of a :data:`STAGING` or :data:`ASIDE` folder beside ``destination``."""
    return f".{destination.name}.{kind}-{number}"


def remove_leftovers(destination: Path) -> None:
    """Remove the folders that killed processes left beside ``destination``, which no living process has locked.

    A release that such a process had moved aside is moved back where its destination is still empty.
    """
    for path in _siblings(destination, ASIDE):
        if not destination.exists() and (path / RELEASE_FILE).is_file():
            _put_back(path, destination)
    for path in [*_siblings(destination, ASIDE), *_siblings(destination, STAGING)]:
        remove_unless_held(path)


def locked_new_folder(destination: Path) -> tuple[Path, int]:
    """A new folder beside ``destination`` and the handle that holds a lock on it. Raises OSError."""
    numbers = itertools.count()
    while True:
        folder = destination.with_name(hidden_name(destination, STAGING, next(numbers)))
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        handle = _locked(folder, where_no_locks=True)
        if handle is not None:
            return folder, handle


def remove_unless_held(folder: Path) -> None:
    """Remove a folder that no living process has locked."""
    handle = _locked(folder, where_no_locks=False)
    if handle is not None:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def is_the_same(handle: int, folder: Path) -> bool:
    """Whether ``folder`` still names the folder that ``handle`` was opened on."""
    try:
        return os.path.samestat(os.fstat(handle), folder.stat())
    except FileNotFoundError:
        return False


def _put_back(aside: Path, destination: Path) -> None:
    """Undo the first of two renames, unless the folder is being removed or its destination exists again."""
    handle = _locked(aside, where_no_locks=True)
    if handle is None:
        return
    try:
        aside.rename(destination)
    except OSError as fault:
        if fault.errno not in MEANWHILE:
            raise
    finally:
        os.close(handle)


def _locked(folder: Path, *, where_no_locks: bool) -> int | None:
    """A locked handle on a folder; None where another process holds it, has removed it, or reused its name.

    Some network file systems have no locks on folders, so stale folders cannot be detected there: ``where_no_locks``
    says whether to use the folder anyway.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_ours = True
    except BlockingIOError:
        is_ours = False
    except OSError:
        is_ours = where_no_locks
    if is_ours and is_the_same(handle, folder):
        return handle
    os.close(handle)
    return None


def _siblings(destination: Path, kind: str) -> list[Path]:
    """The folders of one kind beside ``destination``, by name; none where the parent folder cannot be listed."""
    pattern = re.compile(re.escape(f".{destination.name}.{kind}-") + r"[0-9]+(?:-old)?")
    try:
        paths = [path for path in destination.parent.iterdir() if pattern.fullmatch(path.name)]
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []
    return sorted(path for path in paths if path.is_dir() and not path.is_symlink())
