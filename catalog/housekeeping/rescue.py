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
        kept = FolderStore(folder / "store")
        held = tuple(damage for damage in damages if kept.stat(damage.digest) and kept.verify(damage.digest))
    except OSError as error:
        raise MachineError(
            f"the backup in {folder} cannot be read: {error.strerror or error}", remedy="See that its disk is whole"
        ) from error
    return Rescue(folder, held) if held else None


def bring_back(database: Database, store: Store, rescue: Rescue) -> list[str]:
    """Put the bytes that the store is missing into it, and replace corrupt ones; returns the digests that it has now,
    including those that another process restored."""
    kept = FolderStore(rescue.folder / "store")
    back = []
    for damage in rescue.damages:
        try:
            path = kept.local(damage.digest)
        except ArtifactLost:
            continue
        with in_turn(database, store, damage) as (_, found):
            if found == Look.CORRUPT:  # otherwise bytes of the same size would count as already stored
                store.delete(damage.digest)
        if found != Look.WHOLE:
            store.put(path)
        back.append(damage.digest)
    return back


def require_no_rescue(rescue: Rescue | None) -> None:
    """Raise RefusedError where a loss is to be accepted although a backup still has the bytes."""
    if rescue is not None:
        has = counted(len(rescue.damages), "of the damaged artifacts", "of the damaged artifacts")
        raise RefusedError(
            f"the backup in {rescue.folder} still has {has}: no loss was accepted",
            remedy="Run `songline verify --repair`: it brings them back from there",
        )
