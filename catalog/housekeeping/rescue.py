"""Restores bytes that a store has lost from the home's newest backup, before any loss is accepted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog.common.errors import ArtifactLost, MachineError, RefusedError
from catalog.common.text import counted
from catalog.home import last_backup
from catalog.housekeeping.repair import Damage, Look, in_turn
from catalog.store.base import Store
from catalog.store.local import FolderStore
from db.session import Database


@dataclass(frozen=True, slots=True)
class Rescue:
    """The damages that the backup in ``folder`` can repair: it has these bytes, with the right digest."""

    folder: Path
    damages: tuple[Damage, ...]


def rescue_for(home: Path, damages: Sequence[Damage]) -> Rescue | None:
    """The rescue from the newest backup of ``home``; None where there is no backup, or it has none of the bytes."""
    folder = last_backup(home) if damages else None
    if folder is None or not (folder / "store").is_dir():
        return None
    try:
        backup_store = FolderStore(folder / "store")
        covered_damages = tuple(
            damage for damage in damages if backup_store.stat(damage.digest) and backup_store.verify(damage.digest)
        )
    except OSError as error:
        raise MachineError(
            f"the backup in {folder} cannot be read: {error.strerror or error}", remedy="See that its disk is whole"
        ) from error
    return Rescue(folder, covered_damages) if covered_damages else None


def bring_back(database: Database, store: Store, rescue: Rescue) -> list[str]:
    """Put the bytes that the store is missing into it, and replace corrupt ones; returns the digests that it has now,
    including those that another process restored."""
    backup_store = FolderStore(rescue.folder / "store")
    digests = []
    for damage in rescue.damages:
        try:
            path = backup_store.local(damage.digest)
        except ArtifactLost:
            continue
        with in_turn(database, store, damage) as (_, look):
            if look == Look.CORRUPT:  # otherwise bytes of the same size would count as already stored
                store.delete(damage.digest)
        if look != Look.WHOLE:
            store.put(path)
        digests.append(damage.digest)
    return digests


def require_no_rescue(rescue: Rescue | None) -> None:
    """Raise RefusedError where a loss is to be accepted although a backup still has the bytes."""
    if rescue is not None:
        quantity = counted(len(rescue.damages), "of the damaged artifacts", "of the damaged artifacts")
        raise RefusedError(
            f"the backup in {rescue.folder} still has {quantity}: no loss was accepted",
            remedy="Run `songline verify --repair`: it brings them back from there",
        )
