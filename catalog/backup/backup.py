"""Backs up catalog and store into a folder, and restores both.

::

    DEST/backup.json                 written last: without it, the folder is no backup
    DEST/catalog-<digest>.jsonl.gz   the catalog at one moment (see :mod:`catalog.backup.rows`)
    DEST/store/objects/…             the bytes of every artifact it names, as in a folder store

The catalog is dumped first: the bytes of everything it names are already stored and never swept. An older backup in the
same folder stays valid until the new one is complete, and bytes that it already has are not copied again.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from catalog.backup.rows import ANOTHER, UNREADABLE, bounded_lines, dumped, load, read_lines, require_empty
from catalog.common.digests import digest_file
from catalog.common.errors import ArtifactLost, CatalogError, InputError, MachineError, RefusedError, remedy_of_writing
from catalog.common.text import counted
from catalog.files.confined import confined
from catalog.files.permissions import file_mode_in, has_our_mode, is_shared, make_private, private_folder, set_our_mode
from catalog.files.whole_file import move_whole, write_whole
from catalog.store.base import Store
from catalog.store.local import FolderStore
from db.files.lock import file_lock
from db.files.regular_file import NotRegular, open_regular, read_regular
from db.session import Database

FORMAT = 1
MANIFEST = "backup.json"
LOCK = ".lock"
_DUMP = re.compile(r"catalog-[0-9a-f]{16}\.jsonl\.gz")
ARTIFACT = "artifact"
MAX_SIZE_BYTES = (1 << 63) - 1
MAX_MANIFEST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Backup:
    """The contents of a backup; ``lost`` are artifacts whose bytes the store did not have when it was made."""

    catalog: str
    catalog_digest: str
    written_at: float
    artifacts: int
    bytes: int
    lost: list[str]
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Named:
    """An artifact that a dump names and whose bytes were not pruned."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Verified:
    """The result of checking a backup: its artifacts whose bytes are missing, and those whose bytes differ."""

    backup: Backup
    missing: list[str]
    corrupt: list[str]

    @property
    def is_whole(self) -> bool:
        """Whether all that the catalog names is there, byte for byte."""
        return not self.missing and not self.corrupt


def back_up(database: Database, store: Store, folder: Path) -> tuple[Backup, int]:
    """Write a backup into ``folder``, or update the one there; returns it, and the count of artifacts copied.

    Raises InputError where the folder holds something else, MachineError where it cannot be written.
    """
    _require_own(folder)
    with _errors_translated(folder):
        _make_private_backup(folder)
        with file_lock(folder / LOCK):
            target = FolderStore(folder / "store")
            target.sweep_unfinished(older_than_s=0.0)  # leftovers of a killed backup: this process holds the lock
            previous_backup = _earlier(folder)
            path = _dump(database, folder)
            _require_no_loss(previous_backup, path, folder)
            copied_count, lost_digests, size, count = 0, [], 0, 0
            for artifact in _artifacts(path):
                count, size = count + 1, size + artifact.size
                try:
                    copied_count += _copy(store, target, artifact)
                except ArtifactLost:
                    lost_digests.append(artifact.digest)
            backup = Backup(path.name, digest_file(path), time.time(), count, size, lost_digests)
            text = json.dumps(asdict(backup), indent=2) + "\n"
            write_whole(folder / MANIFEST, text.encode(), mode=file_mode_in(folder))
            for old_dump in folder.iterdir():
                if _DUMP.fullmatch(old_dump.name) and old_dump.name != path.name:
                    old_dump.unlink()
    return backup, copied_count


def restore(database: Database, store: Store, folder: Path) -> tuple[Backup, list[str]]:
    """Restore a backup into an empty catalog and the store; returns it, and the artifacts that it could not restore.

    Bytes are written first, then rows. Raises InputError where the folder holds no finished backup, RefusedError for
    a catalog that is not empty, MachineError where no bytes can be read.
    """
    backup = read_backup(folder)
    path = _catalog_of(folder, backup.catalog)
    require_empty(database)
    with _errors_translated(folder):
        source = FolderStore(folder / "store")
        lost_digests = [artifact.digest for artifact in _artifacts(path) if not _put(source, store, artifact.digest)]
        if lost_digests and len(lost_digests) == backup.artifacts:
            raise MachineError(
                f"the backup in {folder} has none of its {len(lost_digests)} artifacts",
                remedy=f"See that {folder / 'store'} is whole",
            )
        with _opened(path) as lines:
            load(database, read_lines(lines))
        # These bytes had no row until now, so a sweep may have removed some. From here on their rows protect them;
        # what was removed is put again.
        stored_digests = {entry.digest for entry in store.listing()}.union(lost_digests)
        for artifact in _artifacts(path):
            if artifact.digest not in stored_digests:
                _put(source, store, artifact.digest)
    return backup, lost_digests


def verify(folder: Path) -> Verified:
    """Read every byte of the backup in ``folder`` and compare it with its digest; changes nothing and needs no
    catalog.

    Raises InputError where the folder holds no finished backup, CatalogError where its catalog is damaged,
    MachineError where it cannot be read.
    """
    backup = read_backup(folder)
    missing, corrupt = [], []
    with _errors_translated(folder):
        store = FolderStore(folder / "store")
        for artifact in _artifacts(_catalog_of(folder, backup.catalog)):
            if store.stat(artifact.digest) is None:
                missing.append(artifact.digest)
            elif not store.verify(artifact.digest):
                corrupt.append(artifact.digest)
    return Verified(backup, missing, corrupt)


def read_backup(folder: Path) -> Backup:
    """The backup in ``folder``, with its catalog checked. Raises InputError where there is none, CatalogError where
    it is damaged."""
    try:
        document = json.loads(read_regular(folder / MANIFEST, max_bytes=MAX_MANIFEST_BYTES))
        if document.get("format") != FORMAT:
            raise CatalogError("the backup was made by a newer Songline", remedy="Upgrade Songline")
        backup = Backup(**document)
        dump = _catalog_of(folder, backup.catalog)
        open_regular(dump).close()
        is_whole = digest_file(dump) == backup.catalog_digest
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(
            f"{folder} holds no finished backup", remedy="Run `songline backup` there until it ends, or name another"
        ) from error
    except NotRegular as error:
        raise CatalogError(f"{error.filename} is {error.kind}, where a file should be", remedy=ANOTHER) from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise CatalogError(f"{folder / MANIFEST} cannot be read", remedy=ANOTHER) from error
    if not is_whole:
        raise CatalogError(UNREADABLE, remedy=ANOTHER)
    return backup


def _earlier(folder: Path) -> Backup | None:
    """The finished backup in ``folder`` before another replaces it; None where there is none."""
    try:
        return read_backup(folder)
    except (InputError, CatalogError):
        return None


def _require_no_loss(earlier: Backup | None, path: Path, folder: Path) -> None:
    """Remove the new dump and raise RefusedError where an empty catalog would replace a filled one."""
    if earlier is None or not earlier.artifacts or next(_artifacts(path), None) is not None:
        return
    path.unlink()
    raise RefusedError(
        f"the catalog names no artifact, and the backup in {folder} holds {counted(earlier.artifacts, 'artifact')}: "
        "it was not replaced",
        remedy=f"Run `songline restore {folder}` if the catalog was lost, or name an empty folder for a backup of it",
    )


def _catalog_of(folder: Path, name: str) -> Path:
    """The path of the dump that a backup's document names, inside its folder."""
    path = confined(folder, name, named_by=f"{folder / MANIFEST}")
    if path.parent != folder or path.is_symlink():
        raise CatalogError(UNREADABLE, remedy=ANOTHER)
    return path


def _dump(database: Database, folder: Path) -> Path:
    part = folder / "catalog.part"
    part.unlink(missing_ok=True)
    make_private(part)
    with (
        part.open("wb") as file,
        gzip.GzipFile("", "wb", compresslevel=3, fileobj=file, mtime=0) as compressed_file,
    ):
        for line in dumped(database):
            compressed_file.write(line.encode())
    path = folder / f"catalog-{digest_file(part)[:16]}.jsonl.gz"
    move_whole(part, path, mode=file_mode_in(folder))
    return path


@contextmanager
def _opened(path: Path) -> Iterator[Iterator[str]]:
    with open_regular(path) as file, gzip.GzipFile(fileobj=file, mode="rb") as dump:
        yield bounded_lines(cast("BinaryIO", dump), os.fstat(file.fileno()).st_size)


def _artifacts(path: Path) -> Iterator[Named]:
    with _opened(path) as lines:
        for line in read_lines(lines):
            if line.table == ARTIFACT and line.row is not None and line.row.get("pruned_at") is None:
                yield _named(line.row)


def _named(row: Mapping[str, Any]) -> Named:
    digest, size = row.get("digest"), row.get("size")
    if not isinstance(digest, str) or not isinstance(size, int) or not 0 <= size <= MAX_SIZE_BYTES:
        raise CatalogError(UNREADABLE, remedy=ANOTHER)
    return Named(digest, size)


def _copy(store: Store, target: FolderStore, file: Named) -> bool:
    """Copy one artifact unless it is already there; returns whether it was copied."""
    entry = target.stat(file.digest)
    if entry is not None and entry.size == file.size:
        return False
    target.adopt(file.digest, lambda part: store.fetch(file.digest, part))
    return True


def _put(source: FolderStore, store: Store, digest: str) -> bool:
    """Put one artifact into the store; False where the backup does not have all its bytes."""
    try:
        path = source.local(digest)
    except ArtifactLost:
        return False
    store.put(path)
    return True


def _make_private_backup(folder: Path) -> None:
    """Create the folder with access for its user alone, or set an older backup's modes to that: it holds lyrics and
    audio."""
    if not folder.is_dir():
        private_folder(folder, shared=False)
    elif folder.stat().st_uid == os.geteuid() and not has_our_mode(folder, shared=is_shared(folder)):
        set_our_mode(folder, shared=False)


def _require_own(folder: Path) -> None:
    """Raise InputError for a folder that holds anything but a backup, finished or unfinished."""
    if folder.is_dir():
        names = {path.name for path in folder.iterdir()}
        if not names or LOCK in names or MANIFEST in names:
            return
    elif not folder.exists():
        return
    raise InputError(f"{folder} holds something else than a backup", remedy="Name an empty folder, or a new one")


@contextmanager
def _errors_translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile) as error:
        raise CatalogError(UNREADABLE, remedy=ANOTHER) from error
    except OSError as error:
        raise MachineError(
            f"the backup in {folder} cannot be written or read: {error.strerror or error}",
            remedy=remedy_of_writing(error, "Choose another folder"),
        ) from error
