"""Files in the folder of Prefect's local API. None is needed later, so anything that blocks their paths is removed."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from catalog.common.errors import MachineError
from catalog.files.permissions import private_folder

IN_THE_WAY = frozenset({errno.EISDIR, errno.ELOOP, errno.ENXIO})
"""Errors of opening a folder, a link or a pipe as a regular file."""


def own_folder(path: Path) -> Path:
    """Create the folder if it does not exist, private to this user; returns it. Raises MachineError where it is
    another user's, who could place files there."""
    private_folder(path.parent)
    private_folder(path, shared=False)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise MachineError(
            f"{path} belongs to another user, or is a link", remedy="Point SONGLINE_HOME to a folder of your own"
        )
    path.chmod(0o700)
    return path


def own_file(path: Path, flags: int) -> int:
    """Open a private file of this user; a link, folder or pipe at its path is removed. Returns the descriptor."""
    while True:
        try:
            handle = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        except OSError as error:
            if error.errno not in IN_THE_WAY:
                raise
        else:
            if stat.S_ISREG(os.fstat(handle).st_mode):
                return handle
            os.close(handle)
        clear(path)


def clear(path: Path) -> None:
    """Remove a file, a link or a folder with its contents, if it exists."""
    with suppress(FileNotFoundError):
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path)
        else:
            path.unlink()


def last_line(path: Path) -> str:
    """The last line of a log that is not blank; empty where there is none."""
    with suppress(OSError):
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 4096))
            lines = [line.strip() for line in log.read().decode(errors="replace").splitlines()]
        return next((line for line in reversed(lines) if line), "")
    return ""
