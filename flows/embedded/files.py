"""Files in the folder of Prefect's local API. Nothing in them is needed: what stands in their way is removed."""

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
"""Why a folder, a link or a pipe cannot be opened as a file of ours."""


def own_folder(path: Path) -> Path:
    """Make the folder if it is not there, closed to everybody else; gives it. Raises MachineError where it is another
    user's: what that user put there would be taken for ours."""
    private_folder(path.parent)
    private_folder(path, shared=False)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise MachineError(
            f"{path} belongs to another user, or is a link", remedy="Point SONGLINE_HOME to a folder of your own"
        )
    path.chmod(0o700)
    return path


def own_file(path: Path, flags: int) -> int:
    """Open a file of our own for this user alone; a link, a folder or a pipe of its name goes. Gives the descriptor."""
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
    """Remove a file, a link or a folder with all it holds; nothing where nothing is."""
    with suppress(FileNotFoundError):
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path)
        else:
            path.unlink()


def last_line(path: Path) -> str:
    """The last line of a log that says anything; empty where there is none."""
    with suppress(OSError):
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 4096))
            lines = [line.strip() for line in log.read().decode(errors="replace").splitlines()]
        return next((line for line in reversed(lines) if line), "")
    return ""
