"""Files that only their owner can access from the moment they are created."""

from __future__ import annotations

import os
import stat
from pathlib import Path

SHARED_FOLDER = 0o2770
"""Mode of a folder that a group shares: files created in it belong to the group too."""


def is_shared(folder: Path) -> bool:
    """Whether ``folder`` was created to be shared by a group."""
    return stat.S_IMODE(folder.stat().st_mode) & SHARED_FOLDER == SHARED_FOLDER


def file_mode_in(folder: Path) -> int:
    """The mode of Songline's files in ``folder``: private to the owner, or to the group that shares the folder."""
    return 0o660 if is_shared(folder) else 0o600


def make_private(path: Path) -> None:
    """Create an empty file where none exists, with Songline's mode, before another library opens it. SQLite gives its
    log and index the mode of the file itself. Raises OSError."""
    mode = file_mode_in(path.parent)
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    try:
        os.fchmod(handle, mode)
    finally:
        os.close(handle)
