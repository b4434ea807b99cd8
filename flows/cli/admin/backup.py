"""``backup`` and ``restore``: catalog and store as one folder and back, and verification of a backup."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from catalog.backup import backup as catalog_backup
from catalog.catalog import open_catalog
from catalog.common import figures
from catalog.common.errors import CatalogDamaged, MachineError
from catalog.common.settings import Settings, load_settings
from catalog.common.text import counted
from catalog.home import CATALOG, note_backup, set_aside
from catalog.store.base import object_name
from flows.console import print_json, stdout, warn


def backup(folder: Path, *, as_json: bool) -> None:
    """Write a backup; exits 1 where some bytes could not be read from the store."""
    settings = load_settings()
    with open_catalog(settings) as catalog:
        backup_record, copied_count = catalog_backup.back_up(catalog.database, catalog.store, folder)
        if not catalog.read_only:
            with suppress(OSError):  # the name only helps to find the backup
                note_backup(settings.home, folder)
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "artifacts": backup_record.artifacts,
                "bytes": backup_record.bytes,
                "copied": copied_count,
                "missing": backup_record.lost,
            }
        )
    else:
        size_text = f"{counted(backup_record.artifacts, 'artifact')} ({figures.size(backup_record.bytes)})"
        sentence = f"{size_text}, {copied_count} of them copied now: {folder}"
        stdout().print(sentence, soft_wrap=True)
    if backup_record.lost:
        if not as_json:
            count_text = counted(len(backup_record.lost), "artifact is", "artifacts are")
            warn(f"{count_text} missing or corrupt in the store: run `songline verify --repair`")
        sys.exit(1)


def verify(folder: Path, *, as_json: bool) -> None:
    """Read every byte of a backup; exits 1 where some are missing or corrupt."""
    verification = catalog_backup.verify(folder)
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "checked": verification.backup.artifacts,
                "bytes": verification.backup.bytes,
                "missing": verification.missing,
                "corrupt": verification.corrupt,
            }
        )
    else:
        for fault, digests in (("missing", verification.missing), ("corrupt", verification.corrupt)):
            for digest in digests:
                stdout().print(f"{fault} {folder / 'store' / object_name(digest)}", soft_wrap=True)
        sentence = (
            f"{counted(verification.backup.artifacts, 'artifact')} checked, {len(verification.missing)} missing, "
        )
        stdout().print(f"{sentence}{len(verification.corrupt)} corrupt: {folder}", soft_wrap=True)
    if not verification.is_whole:
        if not as_json:
            warn("remove the corrupt files, then run `songline backup` there again: what is not there is copied")
        sys.exit(1)


def restore(folder: Path, *, as_json: bool) -> None:
    """Restore a backup; exits 1 where it does not contain all bytes. A damaged catalog is set aside first."""
    settings = load_settings()
    is_damaged = _set_damage_aside(settings, folder, as_json=as_json)
    with open_catalog(settings, anew=is_damaged) as catalog:
        backup, missing_digests = catalog_backup.restore(catalog.database, catalog.store, folder)
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "artifacts": backup.artifacts,
                "bytes": backup.bytes,
                "missing": missing_digests,
            }
        )
    else:
        sentence = (
            f"{backup.artifacts - len(missing_digests)} of {counted(backup.artifacts, 'artifact')} "
            f"came back from {folder}"
        )
        stdout().print(sentence, soft_wrap=True)
    if missing_digests:
        if not as_json:
            warn(
                f"the backup does not hold {counted(len(missing_digests), 'artifact')}: run `songline verify --repair`"
            )
        sys.exit(1)


def _set_damage_aside(settings: Settings, folder: Path, *, as_json: bool) -> bool:
    """Move a damaged SQLite catalog away, once the folder is known to be a valid backup; returns whether the catalog
    was damaged, or missing next to a store."""
    if settings.database_url:
        return False
    try:
        with open_catalog(settings) as catalog:
            catalog.database.check()
    except CatalogDamaged:
        catalog_backup.read_backup(folder)
        try:
            moved_to = set_aside(settings.home / CATALOG)
        except OSError as error:
            raise MachineError(
                f"the damaged catalog cannot be set aside in {settings.home}: {error.strerror}",
                remedy="See that you may write to that folder",
            ) from error
        if moved_to is not None and not as_json:
            warn(f"the damaged catalog was set aside as {moved_to}")
        return True
    return False
