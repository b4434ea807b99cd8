"""Permissions of written files: Songline's own files are private to the user, files that the user requested follow
the umask.

Songline's folders have mode 0700 and its files 0600, whatever the umask is. A home that a group shares
(``SONGLINE_SHARED_HOME=group``) has 2770 and 0660. The mode of the parent folder decides which of the two applies, so
that code below a home does not need the settings.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from db.files.private_file import SHARED_FOLDER, file_mode_in, is_shared, make_private

__all__ = ["file_mode_in", "is_shared", "make_private"]

PRIVATE_FOLDER = 0o700
OTHERS = 0o077

_users: list[int] = []
"""The umask that this process started with, once it was replaced."""


def keep_private(*, shared: bool = False) -> None:
    """Make everything that this process and its children create private to the user (or the group).

    For the entry point of a process: libraries that write files themselves (Prefect, SQLite) follow it.
    """
    previous_umask = os.umask(0o007 if shared else OTHERS)
    if not _users:
        _users.append(previous_umask)


def share_with_group() -> None:
    """The same for a home that is known to be shared by a group; does nothing where the process is not Songline's
    own."""
    if _users:
        keep_private(shared=True)


@contextmanager
def users_umask() -> Iterator[None]:
    """Files created in the block follow the umask that the user started the command with, since the user requested
    them."""
    if not _users:
        yield
        return
    private_umask = os.umask(_users[0])
    try:
        yield
    finally:
        os.umask(private_umask)


def users_mask() -> int:
    """The umask that the user started this process with."""
    if _users:
        return _users[0]
    mask = os.umask(OTHERS)
    os.umask(mask)
    return mask


def users_file_mode() -> int:
    """The mode of a new file that the user requested."""
    return 0o666 & ~users_mask()


def folder_mode(*, shared: bool) -> int:
    """The mode of Songline's own folders."""
    return SHARED_FOLDER if shared else PRIVATE_FOLDER


def private_folder(path: Path, *, shared: bool | None = None) -> Path:
    """Create one of Songline's own folders where it is missing; returns it. ``shared`` defaults to the parent
    folder's.

    Missing parents are created likewise. Raises OSError.
    """
    if path.is_dir():
        return path
    if not path.parent.is_dir():
        private_folder(path.parent, shared=shared)
    is_for_group = is_shared(path.parent) if shared is None else shared
    try:
        path.mkdir(PRIVATE_FOLDER)
    except FileExistsError:
        if not path.is_dir():
            raise
        return path
    if is_for_group:
        path.chmod(SHARED_FOLDER)
    return path


def has_our_mode(path: Path, *, shared: bool) -> bool:
    """Whether other users have no access to ``path``, and the group, where it is shared, has the same as its owner."""
    mode = path.lstat().st_mode
    return stat.S_ISLNK(mode) or _our_mode(mode, shared=shared) == stat.S_IMODE(mode)


def set_our_mode(path: Path, *, shared: bool) -> None:
    """Set Songline's modes on ``path`` and everything below it. Links are not followed, and other users' files are
    skipped; the folder itself is last, so that an interrupted call is repeated. Raises OSError."""
    if path.is_dir() and not path.is_symlink():
        for entry in os.scandir(path):
            set_our_mode(Path(entry.path), shared=shared)
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if status.st_uid == os.geteuid() and not stat.S_ISLNK(status.st_mode):
        mode = _our_mode(status.st_mode, shared=shared)
        if mode != stat.S_IMODE(status.st_mode):
            path.chmod(mode)


def _our_mode(current_mode: int, *, shared: bool) -> int:
    owners = current_mode & 0o700
    if not shared:
        return owners
    return SHARED_FOLDER if stat.S_ISDIR(current_mode) else owners | owners >> 3
