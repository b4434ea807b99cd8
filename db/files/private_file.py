"""Files that are their owner's alone from the moment they are made."""

from __future__ import annotations

import os
import stat
from pathlib import Path

SHARED_FOLDER = 0o2770
"""Mode of a folder that a group works in: what is made in it is the group's too."""


def is_shared(folder: Path) -> bool:
    """Whether ``folder`` was made for a group to work in."""
    return stat.S_IMODE(folder.stat().st_mode) & SHARED_FOLDER == SHARED_FOLDER


def file_mode_in(folder: Path) -> int:
    """The mode of a file of ours in ``folder``: its owner's alone, or the group's that shares the folder."""
    return 0o660 if is_shared(folder) else 0o600


def make_private(path: Path) -> None:
    """Make an empty file if nothing is there, with the mode of our files, before another library opens it.
    SQLite gives its log and index the mode of the file itself. Raises OSError."""
    mode = file_mode_in(path.parent)
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    try:
        os.fchmod(handle, mode)
    finally:
        os.close(handle)
