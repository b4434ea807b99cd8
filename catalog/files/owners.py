"""Who holds a lease: every process has a name, and a file lock that the system drops when the process dies."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import socket
import time
from contextlib import suppress
from pathlib import Path

from catalog.files.permissions import make_private, private_folder

YOUNG_S = 60.0


class LeaseOwner:
    """This process as a holder of leases. The name carries the host and a mark of the folder; the lock in that folder
    tells others who share both that we live."""

    def __init__(self, folder: Path) -> None:
        private_folder(folder)
        self.name = f"{socket.gethostname()}:{os.getpid()}:{_mark(folder)}-{secrets.token_hex(4)}"
        self._path = folder / self.name
        make_private(self._path)
        self._handle = self._path.open("w")
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def release(self) -> None:
        """Give the name up; leases still held under it become free at once."""
        self._path.unlink(missing_ok=True)
        self._handle.close()


def is_dead(folder: Path, owner: str) -> bool:
    """Whether ``owner`` was a process of this host and folder that is gone. False for others, who may share the catalog
    from another host, container or home: their leases must run out."""
    host, _, rest = owner.partition(":")
    if host != socket.gethostname() or rest.partition(":")[2].partition("-")[0] != _mark(folder):
        return False
    if Path(owner).name != owner:  # a row says so, and no process of ours has such a name
        return False
    try:
        with os.fdopen(os.open(folder / owner, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)) as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def remove_dead_owners(folder: Path) -> None:
    """Remove the lock files of dead processes. Young files are left: their lock may be on its way."""
    for path in folder.glob("*:*:*"):
        with suppress(FileNotFoundError):
            # A date to come is that of a file from before the clock was set back.
            if abs(time.time() - path.stat().st_mtime) > YOUNG_S and is_dead(folder, path.name):
                path.unlink()


def _mark(folder: Path) -> str:
    """Tells the folders of one host apart, and those of containers that have one name and one path."""
    there = folder.stat()
    name = os.fsencode(folder.resolve()) + f" {there.st_dev} {there.st_ino}".encode()
    return hashlib.sha256(name).hexdigest()[:8]
