"""Writing a packed release from the store into a folder, whole or not at all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from catalog.confined import confined, confined_id
from catalog.errors import CatalogError, MachineError
from catalog.house import House
from catalog.queries import ReleaseRow, artifact_sizes
from tasks.delivery.bundle import check_destination, make_durable, staging_folder, swap_in

DOCUMENT = "release.json"
ROWS = "the catalog"


@dataclass(frozen=True, slots=True)
class Written:
    """Where a release lies, and whether anything had to be written."""

    folder: Path
    changed: bool


def write_release(house: House, release: ReleaseRow, out: Path) -> Written:
    """Put ``release`` at ``out/<album id>``, swapped in whole; nothing is written where it already lies there.

    Raises InputError where something that is no release is in the way, MachineError where bytes are missing or the
    disk is full, RefusedError where the catalog names a path outside of the folder; the old release then stays as it
    was.
    """
    destination = release_folder(out, release.album_id)
    check_destination(destination)
    if DOCUMENT not in release.files:
        raise CatalogError(
            f"build {release.build} of album {release.album_id!r} has no {DOCUMENT}",
            remedy="Run `songline render` again, or restore a backup",
        )
    for path in release.files:
        confined(destination, path, named_by=ROWS)
    if _lies_there(house, release, destination):
        return Written(destination, changed=False)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with staging_folder(destination) as staging:
            for path, digest in release.files.items():
                target = confined(staging, path, named_by=ROWS)
                target.parent.mkdir(parents=True, exist_ok=True)
                house.store.fetch(digest, target)
                os.utime(target, (_dated(release), _dated(release)))
            make_durable(staging)
            swap_in(staging, destination)
    except OSError as error:
        raise MachineError(
            f"the release cannot be written to {destination}: {error.strerror or error}",
            remedy="Free disk space, or choose another folder with --out",
        ) from error
    return Written(destination, changed=True)


def release_folder(out: Path, album_id: str) -> Path:
    """Where the release of an album goes. Raises RefusedError for an id that is none: it may come from a row."""
    return out / confined_id(album_id, named_by=ROWS)


def _dated(release: ReleaseRow) -> int:
    """The date its files bear: the minute of the build, so that what is written to later shows."""
    return int(release.created_at // 60) * 60


def _lies_there(house: House, release: ReleaseRow, destination: Path) -> bool:
    """Whether the same build is there: its document byte for byte, every file by size and date, and no other."""
    document = destination / DOCUMENT
    if not document.is_file() or document.read_bytes() != house.store.local(release.files[DOCUMENT]).read_bytes():
        return False
    sizes = artifact_sizes(house.database, list(release.files.values()))
    expected = {path: (sizes[digest], _dated(release)) for path, digest in release.files.items()}
    there = {path.relative_to(destination).as_posix(): path.stat() for path in destination.rglob("*") if path.is_file()}
    return {path: (found.st_size, int(found.st_mtime)) for path, found in there.items()} == expected
