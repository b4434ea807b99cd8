"""Write a packed release from the store into a folder, whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from catalog.catalog import Catalog
from catalog.common.digests import digest_bytes
from catalog.common.errors import CatalogError, MachineError, remedy_of_writing
from catalog.files.confined import confined, confined_id
from catalog.files.permissions import users_umask
from catalog.ledger.results import artifact_sizes
from catalog.release.queries import ReleaseRow, files_of_builds
from tasks.delivery.package.bundle import SUMS_FILE, check_destination, staging_folder, swap_in
from tasks.delivery.package.own_files import BuildFiles, OwnFile

DOCUMENT = "release.json"
ROWS = "the catalog"
ENVIRONMENT = "environment.json"
WRITTEN_LAST = frozenset({DOCUMENT, SUMS_FILE, "index.html", "lineage.json"})
"""Files of a release that describe the others and are not listed themselves."""


@dataclass(frozen=True, slots=True)
class Written:
    """The folder of a release, whether anything had to be written, and the user's own files in it.

    Own files are those that no build wrote as they are.
    """

    folder: Path
    changed: bool
    own: tuple[OwnFile, ...] = ()

    @property
    def kept(self) -> tuple[str, ...]:
        """The paths of the user's own files."""
        return tuple(file.place for file in self.own)


def write_release(
    catalog: Catalog, release: ReleaseRow, out_folder: Path, *, with_environment: bool = False
) -> Written:
    """Put ``release`` at ``out/<album id>``, swapped in whole; nothing is written where it is there already.

    ``with_environment`` adds ``environment.json``: the lineage with the machine, packages and runs that made each file.
    Files that no build wrote stay: see :mod:`tasks.delivery.package.own_files`.

    Raises InputError where something that is no release is in the way, MachineError where bytes are missing or the disk
    is full, RefusedError where the catalog names a path outside of the folder; the old release then stays as it was.
    """
    destination = release_folder(out_folder, release.album_id)
    check_destination(destination)
    if DOCUMENT not in release.files:
        raise CatalogError(
            f"build {release.build} of album {release.album_id!r} has no {DOCUMENT}",
            remedy="Run `songline render` again, or restore a backup",
        )
    for path in release.files:
        confined(destination, path, named_by=ROWS)
    extra_files = _with_environment(catalog, release) if with_environment else {}
    if _lies_there(catalog, release, destination, extra_files):
        return Written(destination, changed=False)
    try:
        with users_umask(), _scratch(catalog) as scratch_folder:
            out_folder.mkdir(parents=True, exist_ok=True)
            with staging_folder(destination, scratch=scratch_folder) as staging:
                for path, digest in release.files.items():
                    target = confined(staging, path, named_by=ROWS)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    catalog.store.fetch(digest, target)
                    os.utime(target, (_dated(release), _dated(release)))
                for path, data in extra_files.items():
                    (staging / path).write_bytes(data)
                    os.utime(staging / path, (_dated(release), _dated(release)))
                own_files = swap_in(
                    staging, destination, builds=BuildFiles(files_of_builds(catalog.database, release.album_id))
                )
    except OSError as error:
        raise MachineError(
            f"the release cannot be written to {destination}: {error.strerror or error}",
            remedy=remedy_of_writing(error, "Choose another folder with --out"),
        ) from error
    return Written(destination, changed=True, own=own_files)


def release_folder(out_folder: Path, album_id: str) -> Path:
    """The folder of an album's release. Raises RefusedError for an invalid id: it may come from a database row."""
    return out_folder / confined_id(album_id, named_by=ROWS)


@contextmanager
def _scratch(catalog: Catalog) -> Iterator[Path | None]:
    """The catalog's scratch folder; None where the catalog is read only."""
    if catalog.read_only:
        yield None
        return
    with catalog.scratch() as scratch_folder:
        yield scratch_folder


def _dated(release: ReleaseRow) -> int:
    """The modification time of its files: the minute of the build, so that later changes are visible."""
    return int(release.created_at // 60) * 60


def _with_environment(catalog: Catalog, release: ReleaseRow) -> dict[str, bytes]:
    """The environment file, and the checksums with its line added."""
    from catalog.lineage.lineage import trace_all  # rarely needed, so imported here
    from catalog.lineage.track_origins import origins_of_release
    from tasks.delivery.package.models_used import models_of
    from tasks.delivery.package.packing import lineage_bytes

    files = {path: digest for path, digest in sorted(release.files.items()) if path not in WRITTEN_LAST}
    tracks, covers = origins_of_release(catalog.database, release.step_key)
    document = trace_all(
        catalog.database,
        files,
        models_of=models_of(catalog.settings),
        album_id=release.album_id,
        tracks=tracks,
        album_inputs=covers,
    )
    lineage = lineage_bytes(document)
    sums = catalog.store.local(release.files[SUMS_FILE]).read_text("utf-8").splitlines(keepends=True)
    sums = sorted([*sums, f"{digest_bytes(lineage)}  {ENVIRONMENT}\n"], key=lambda line: line.partition("  ")[2])
    return {ENVIRONMENT: lineage, SUMS_FILE: "".join(sums).encode()}


def _lies_there(catalog: Catalog, release: ReleaseRow, destination: Path, extra: Mapping[str, bytes]) -> bool:
    """Whether the same build is there: its document byte for byte, every file by size and date.

    Other files are ignored.
    """
    sizes = artifact_sizes(catalog.database, list(release.files.values()))
    if not destination.is_dir() or not sizes.keys() >= set(release.files.values()):
        return False
    expected_files = {path: (sizes[digest], _dated(release)) for path, digest in release.files.items()}
    expected_files |= {path: (len(data), _dated(release)) for path, data in extra.items()}
    if not all(_is_dated(destination / path, size, at_s) for path, (size, at_s) in expected_files.items()):
        return False
    # Only now is it known to be no larger than the document of the store, and a regular file.
    return (destination / DOCUMENT).read_bytes() == catalog.store.local(release.files[DOCUMENT]).read_bytes()


def _is_dated(file: Path, size: int, at_s: int) -> bool:
    try:
        file_status = file.lstat()
    except OSError:
        return False
    # To the nanosecond: an edit within the second at which the minute begins must be visible too.
    return stat.S_ISREG(file_status.st_mode) and (file_status.st_size, file_status.st_mtime_ns) == (
        size,
        at_s * 1_000_000_000,
    )
