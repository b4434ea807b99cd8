"""Confines paths from outside sources to a folder: a row, an object's name, an archive, a list of files, a server.

Such paths are unchecked, and anyone with the credentials can write a backup or a row. So each is checked by
:func:`confined` where it is used, and never joined to a folder without it.
"""

from __future__ import annotations

import re
from pathlib import Path

from catalog.common.errors import RefusedError
from catalog.common.text import has_control, is_reserved, reorders

MAX_PATH_CHARACTERS = 1024
MAX_NAME_BYTES = 255
_DRIVE = re.compile(r"[A-Za-z]:")
_ID = re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")


def confined(folder: Path, relative: str, *, named_by: str) -> Path:
    """The path ``relative`` (with slashes) inside ``folder``; ``named_by`` names its source, such as "the catalog".

    Raises RefusedError where it is absolute, contains ``..``, names a device or a drive, or leaves the folder through
    an existing link.
    """
    if fault := path_fault(relative):
        raise _refused(relative, fault, named_by)
    path = folder / relative
    if not is_inside(path, folder):
        raise _refused(relative, f"it leaves {folder} through a link", named_by)
    return path


def is_inside(path: Path, folder: Path, *, if_link_loop: bool = False) -> bool:
    """Whether ``path`` is ``folder`` or lies in it, with the links of both resolved; ``if_link_loop`` is the result for
    a link loop."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        return if_link_loop


def confined_id(identity: str, *, named_by: str) -> str:
    """An album's id that will become a folder name: letters, digits and hyphens, as in a manifest.

    Raises RefusedError for anything else. An existing link of that name is its owner's choice, and is followed.
    """
    if not isinstance(identity, str) or not _ID.fullmatch(identity) or is_reserved(identity):
        raise _refused(identity, "it is no id of letters, digits and hyphens", named_by)
    return identity


def path_fault(relative: object) -> str | None:
    """Why ``relative`` is not a valid path inside a folder, on any file system; None where it is one."""
    if not isinstance(relative, str) or not relative:
        return "it is empty"
    if len(relative) > MAX_PATH_CHARACTERS:
        return f"it has more than {MAX_PATH_CHARACTERS} characters"
    if has_control(relative):
        return "it holds a control character"
    if reorders(relative):
        return "it holds characters that show it in another order than it has"
    if relative.startswith("/"):
        return "it is absolute"
    if "\\" in relative:
        return "it holds a backslash"
    faults = (_name_fault(name) for name in relative.split("/"))
    return next((fault for fault in faults if fault), None)


def _name_fault(name: str) -> str | None:
    if name in ("", ".", ".."):
        return "it holds an empty name, `.` or `..`"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"it holds a name of more than {MAX_NAME_BYTES} bytes"
    if _DRIVE.match(name):
        return "it holds a drive's letter"
    return "it holds the name of a device" if is_reserved(name) else None


def _refused(path: object, fault: str, named_by: str) -> RefusedError:
    return RefusedError(
        f"{named_by} names the path {str(path)[:80]!r}, which is not used: {fault}",
        remedy=f"Find out who wrote {named_by}, and do not trust the rest of it",
    )
