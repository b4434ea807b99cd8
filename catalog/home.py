"""The home folder of all Songline data: its modes, whether it can be written, and how a damaged catalog is restored."""

from __future__ import annotations

import json
import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from catalog.common.settings import SQLITE_FILE, Settings
from catalog.files.permissions import file_mode_in, folder_mode, has_our_mode, private_folder, set_our_mode
from catalog.files.whole_file import write_whole
from db.files.regular_file import read_regular

CATALOG = SQLITE_FILE
LAST_BACKUP = "last-backup.json"
OURS = (
    *("owners", "scratch", "store", "cache", "prefect", "models", "separating.lock", LAST_BACKUP),
    *(f"{CATALOG}{suffix}" for suffix in ("", "-wal", "-shm", ".lock")),
)
"""The names of Songline's own entries in a home; other files in the same folder are not touched."""
FULL_BYTES = 1 << 20
MAX_NOTE_BYTES = 64 * 1024


def make_home(settings: Settings) -> None:
    """Create the home with access for its user alone (or its group), or set an older one's modes to that.

    Where the folder also holds other files, only Songline's own entries are changed. Raises OSError.
    """
    home, is_shared = settings.home, settings.shared_home == "group"
    if not home.is_dir():
        private_folder(home, shared=is_shared)
        return
    if home.stat().st_uid != os.geteuid() or has_our_mode(home, shared=is_shared):
        return
    has_others = False
    for path in sorted(home.iterdir()):
        is_ours = _is_ours(path)
        has_others |= not is_ours
        with suppress(FileNotFoundError):  # SQLite removes its log with the last connection of another process
            if is_ours and not has_our_mode(path, shared=is_shared):
                set_our_mode(path, shared=is_shared)
    if not has_others and not home.stat().st_mode & stat.S_ISVTX:
        home.chmod(folder_mode(shared=is_shared))


def _is_ours(path: Path) -> bool:
    return path.name in OURS or path.name.startswith(f"{CATALOG}.")


def why_read_only(settings: Settings) -> str:
    """Why the home cannot be written; "" where it can be, or does not exist yet."""
    home = settings.home
    names = (".", CATALOG, f"{CATALOG}-wal", f"{CATALOG}-shm", f"{CATALOG}.lock", "owners", "scratch")
    for place in (home / name for name in names):
        if _is_closed(place):
            if os.statvfs(home).f_flag & os.ST_RDONLY:
                return f"the disk of {home} is mounted for reading only"
            return f"you may not write to {place}"
    return ""


def _is_closed(path: Path) -> bool:
    """Whether the path exists and cannot be written; SQLite's log may disappear and reappear at any moment."""
    return path.exists() and not _may_write(path) and path.exists() and not _may_write(path)


def is_full(home: Path) -> bool:
    """Whether the disk of ``home`` is too full for another step."""
    try:
        status = os.statvfs(home)
    except OSError:
        return False
    has_no_names = status.f_files > 0 and status.f_favail == 0
    return has_no_names or status.f_bavail * status.f_frsize < FULL_BYTES


def _may_write(path: Path) -> bool:
    kind = os.W_OK | (os.X_OK if path.is_dir() else 0)
    return os.access(path, kind, effective_ids=os.access in os.supports_effective_ids)


def note_backup(home: Path, folder: Path) -> None:
    """Note where the newest backup is, for the remedy after damage. Raises OSError."""
    note = home / LAST_BACKUP
    text = json.dumps({"folder": str(folder.absolute()), "written_at": time.time()}) + "\n"
    write_whole(note, text.encode(), mode=file_mode_in(home))


def remedy_for_damage(catalog: Path) -> str:
    """The remedy for a damaged catalog: its newest backup, or the copy made before its last migration."""
    backup = last_backup(catalog.parent)
    copies = sorted(catalog.parent.glob(f"{catalog.name}.before-*"))
    if backup is not None:
        return f"Run `songline restore {backup}`: it sets the damaged file aside, and the store keeps its bytes"
    advice = "Run `songline restore BACKUP` with a folder that `songline backup` wrote: it sets the damaged file aside"
    if copies:
        return f"{advice}. Without one, move {copies[-1].name} in its place: the catalog as it was then"
    return f"{advice}. Without one, move all of {catalog.parent} away, the store too: Songline starts an empty catalog"


def last_backup(home: Path) -> Path | None:
    """The folder of the newest backup of ``home``; None where none is noted, or it no longer exists."""
    try:
        note = read_regular(home / LAST_BACKUP, max_bytes=MAX_NOTE_BYTES)
        folder = Path(json.loads(note.decode("utf-8"))["folder"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return folder if (folder / "backup.json").is_file() else None


def set_aside(catalog: Path) -> Path | None:
    """Move a damaged catalog and its log away, where they exist; returns its new name, None where there was none.

    Raises OSError.
    """
    number = 1
    while any(catalog.parent.glob(f"{catalog.name}.damaged-{number}*")):
        number += 1
    new_path = catalog.with_name(f"{catalog.name}.damaged-{number}")
    parts = [suffix for suffix in ("-wal", "-shm", "") if catalog.with_name(f"{catalog.name}{suffix}").exists()]
    for suffix in parts:
        catalog.with_name(f"{catalog.name}{suffix}").rename(f"{new_path}{suffix}")
    return new_path if parts else None
