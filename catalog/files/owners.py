"""Lease owners: every process has a name, and a file lock that the system drops when the process dies."""

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
    """This process as an owner of leases. The name contains the host and a mark of the folder; the lock in that
    folder shows processes of the same host and folder that this process is alive."""

    def __init__(self, folder: Path) -> None:
        private_folder(folder)
        self.name = f"{socket.gethostname()}:{os.getpid()}:{_mark(folder)}-{secrets.token_hex(4)}"
        self._path = folder / self.name
        make_private(self._path)
        self._handle = self._path.open("w")
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def release(self) -> None:
        """Give up the name; leases still held under it become free at once."""
        self._path.unlink(missing_ok=True)
        self._handle.close()


def is_dead(folder: Path, owner: str) -> bool:
    """Whether ``owner`` was a process of this host and folder that has ended. False for others, which may use the
    catalog from another host, container or home: their leases must expire."""
    host, _, remainder = owner.partition(":")
    if host != socket.gethostname() or remainder.partition(":")[2].partition("-")[0] != _mark(folder):
        return False
    if Path(owner).name != owner:  # the name comes from a row, and no process of Songline has such a name
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
    """Remove the lock files of dead processes. Recent files are kept: their process may be about to lock them."""
    for path in folder.glob("*:*:*"):
        with suppress(FileNotFoundError):
            # A date in the future belongs to a file written before the clock was set back.
            if abs(time.time() - path.stat().st_mtime) > YOUNG_S and is_dead(folder, path.name):
                path.unlink()


def _mark(folder: Path) -> str:
    """A mark that distinguishes the folders of one host, and containers with the same host name and path."""
    status = folder.stat()
    name = os.fsencode(folder.resolve()) + f" {status.st_dev} {status.st_ino}".encode()
    return hashlib.sha256(name).hexdigest()[:8]
