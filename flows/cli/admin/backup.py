"""``backup`` and ``restore``: catalog and store as one folder and back, and verification of a backup."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from catalog.backup import backup as keeping
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
        made, copied = keeping.back_up(catalog.database, catalog.store, folder)
        if not catalog.read_only:
            with suppress(OSError):  # the name only helps to find the backup
                note_backup(settings.home, folder)
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "artifacts": made.artifacts,
                "bytes": made.bytes,
                "copied": copied,
                "missing": made.lost,
            }
        )
    else:
        held = f"{counted(made.artifacts, 'artifact')} ({figures.size(made.bytes)})"
        sentence = f"{held}, {copied} of them copied now: {folder}"
        stdout().print(sentence, soft_wrap=True)
    if made.lost:
        if not as_json:
            lost = counted(len(made.lost), "artifact is", "artifacts are")
            warn(f"{lost} missing or corrupt in the store: run `songline verify --repair`")
        sys.exit(1)


def verify(folder: Path, *, as_json: bool) -> None:
    """Read every byte of a backup; exits 1 where some are missing or corrupt."""
    found = keeping.verify(folder)
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "checked": found.backup.artifacts,
                "bytes": found.backup.bytes,
                "missing": found.missing,
                "corrupt": found.corrupt,
            }
        )
    else:
        for how, digests in (("missing", found.missing), ("corrupt", found.corrupt)):
            for digest in digests:
                stdout().print(f"{how} {folder / 'store' / object_name(digest)}", soft_wrap=True)
        sentence = f"{counted(found.backup.artifacts, 'artifact')} checked, {len(found.missing)} missing, "
        stdout().print(f"{sentence}{len(found.corrupt)} corrupt: {folder}", soft_wrap=True)
    if not found.is_whole:
        if not as_json:
            warn("remove the corrupt files, then run `songline backup` there again: what is not there is copied")
        sys.exit(1)


def restore(folder: Path, *, as_json: bool) -> None:
    """Restore a backup; exits 1 where it does not contain all bytes. A damaged catalog is set aside first."""
    settings = load_settings()
    is_damaged = _set_damage_aside(settings, folder, as_json=as_json)
    with open_catalog(settings, anew=is_damaged) as catalog:
        made, lost = keeping.restore(catalog.database, catalog.store, folder)
    if as_json:
        print_json({"folder": str(folder), "artifacts": made.artifacts, "bytes": made.bytes, "missing": lost})
    else:
        sentence = f"{made.artifacts - len(lost)} of {counted(made.artifacts, 'artifact')} came back from {folder}"
        stdout().print(sentence, soft_wrap=True)
    if lost:
        if not as_json:
            warn(f"the backup does not hold {counted(len(lost), 'artifact')}: run `songline verify --repair`")
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
        keeping.read_backup(folder)
        try:
            aside = set_aside(settings.home / CATALOG)
        except OSError as error:
            raise MachineError(
                f"the damaged catalog cannot be set aside in {settings.home}: {error.strerror}",
                remedy="See that you may write to that folder",
            ) from error
        if aside is not None and not as_json:
            warn(f"the damaged catalog was set aside as {aside}")
        return True
    return False
