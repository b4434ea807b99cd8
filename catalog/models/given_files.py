"""Opens model files that a user provides: only regular files inside the folder that the user named."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from catalog.common.errors import InputError
from catalog.files.confined import is_inside

_KINDS = (
    (stat.S_ISFIFO, "a pipe (FIFO)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a folder"),
)


def open_given(path: Path) -> BinaryIO:
    """A regular file with a single name, open for reading. Raises InputError for everything else, and where it is
    unreadable.

    A file with a second name (a hard link) may belong to another user, who placed the link so that it gets copied.
    """
    try:
        facts = os.stat(path)
        if not (oddity := _odd(facts.st_mode, facts.st_nlink)):
            handle = os.open(path.resolve(strict=True), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            handle_facts = os.fstat(handle)
            oddity = _odd(handle_facts.st_mode, handle_facts.st_nlink) or (
                "" if os.path.samestat(facts, handle_facts) else "changing"
            )
            if not oddity:
                return open(handle, "rb")
            os.close(handle)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path} cannot be read: {reason}", remedy="Check the path and its permissions") from error
    raise InputError(f"{path} is not accepted: it is {oddity}", remedy="Give a copy of the file itself")


def refuse_link(path: Path) -> None:
    """Raise InputError where ``path`` is a link that leads out of its folder."""
    if path.is_symlink() and not is_inside(path, path.parent):
        raise InputError(
            f"{path} is a link that leads out of its folder to {os.readlink(path)}",
            remedy="Give the path of the file itself",
        )


def files_within(folder: Path, *, at_most: int) -> list[Path]:
    """The files in a folder and below, sorted, except those of git. Links inside the folder are followed to files.

    Raises InputError for a link that leaves the folder, a pipe, socket or device, each by its name, and for too many
    files.
    """
    files: list[Path] = []
    for path in sorted(folder.rglob("*")):
        if ".git" in path.relative_to(folder).parts:
            continue
        if path.is_symlink() and not is_inside(path, folder):
            raise InputError(
                f"{path} is a link that leads out of {folder}, to {os.readlink(path)}",
                remedy="Put the file itself there, or give the folder that holds both",
            )
        mode = path.stat().st_mode if path.exists() else 0
        if mode and not stat.S_ISDIR(mode) and (oddity := _odd(mode, 1)):
            raise InputError(f"{path} is {oddity}", remedy="Remove it, or give a folder of files only")
        if stat.S_ISREG(mode):
            files.append(path)
        if len(files) > at_most:
            raise InputError(f"{folder} holds more than {at_most} files", remedy="Give the models' folder")
    return files


def _odd(mode: int, names: int) -> str:
    """The defect of a file as a phrase; empty for a regular one with one name."""
    if kind := next((words for is_kind, words in _KINDS if is_kind(mode)), ""):
        return kind
    if not stat.S_ISREG(mode):
        return "no regular file"
    return "a file with a second name (a hard link)" if names > 1 else ""
