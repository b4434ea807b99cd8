"""Paths that come from elsewhere: a row, an object's name, an archive, a manifest of files, a server.

Nobody checked them before they came here, and a backup or a row can be written by anyone who has its credentials. So
every one is confined where it is used, by :func:`confined`, and never joined to a folder without it.
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
    """The path ``relative`` (with slashes) inside ``folder``; ``named_by`` says who gave it, as for "the catalog".

    Raises RefusedError for one that is absolute, has ``..``, is a device's or a drive's, or leaves the folder through a
    link that stands there.
    """
    if fault := path_fault(relative):
        raise _refused(relative, fault, named_by)
    path = folder / relative
    if not is_inside(path, folder):
        raise _refused(relative, f"it leaves {folder} through a link", named_by)
    return path


def is_inside(path: Path, folder: Path, *, circle: bool = False) -> bool:
    """Whether ``path`` lies in ``folder`` or is it, links of both resolved; ``circle`` where they lead in a circle."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        return circle


def confined_id(identity: str, *, named_by: str) -> str:
    """An album's id that is about to become a folder: letters, digits and hyphens, as a manifest's are.

    Raises RefusedError for anything else. A link of that name is its owner's choice, and is followed.
    """
    if not isinstance(identity, str) or not _ID.fullmatch(identity) or is_reserved(identity):
        raise _refused(identity, "it is no id of letters, digits and hyphens", named_by)
    return identity


def path_fault(relative: object) -> str | None:
    """Why ``relative`` is no path inside a folder, on any file system; None where it is one."""
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


def _refused(given: object, fault: str, named_by: str) -> RefusedError:
    return RefusedError(
        f"{named_by} names the path {str(given)[:80]!r}, which is not used: {fault}",
        remedy=f"Find out who wrote {named_by}, and do not trust the rest of it",
    )
