"""Scratch folders for temporary files, in the home: the next command removes those of processes that have ended.

Files that must be made on another disk than the home's are made beside their destination. The destination is noted
here first, so that the next command removes the leftovers of a killed process there, too.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.files import owners
from catalog.files.leftovers import remove_leftovers
from catalog.files.owners import LeaseOwner
from catalog.files.permissions import private_folder

PLACE = "place"
"""The file of a scratch folder that names the destination beside which its owner makes files."""


def scratch_place(home: Path) -> Path:
    """The folder that contains the scratch folders, created where it is missing. Raises OSError."""
    return private_folder(home / "scratch")


def note_place(scratch: Path, destination: Path) -> None:
    """Note that files are about to be made beside ``destination``. Raises OSError."""
    (scratch / PLACE).write_bytes(os.fsencode(destination))


def sweep_scratch(home: Path) -> None:
    """Remove the scratch folders and owner files of ended processes, and their leftovers at the destinations they
    noted."""
    for folder in scratch_place(home).iterdir():
        if owners.is_dead(home / "owners", folder.name.rpartition("+")[0]):
            if (place := _noted_place(folder)) is not None:
                remove_leftovers(place)
            shutil.rmtree(folder, ignore_errors=True)
    owners.remove_dead_owners(home / "owners")


def _noted_place(folder: Path) -> Path | None:
    """The destination noted in a scratch folder. One noted by another user of the home is left to that user."""
    try:
        handle = os.open(folder / PLACE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as note:
            if os.fstat(handle).st_uid != os.geteuid():
                return None
            path = Path(os.fsdecode(note.read()))
    except OSError:
        return None
    return path if path.is_absolute() else None


@contextmanager
def owned_scratch(home: Path, owner: LeaseOwner) -> Iterator[Path]:
    """An empty folder of ``owner``, removed with its contents at the end of the block. Raises OSError."""
    with tempfile.TemporaryDirectory(dir=scratch_place(home), prefix=f"{owner.name}+") as folder:
        yield Path(folder)


@contextmanager
def scratch_of(home: Path) -> Iterator[Path]:
    """The same for a command that opens no catalog. Raises OSError."""
    owner = LeaseOwner(home / "owners")
    try:
        sweep_scratch(home)
        with owned_scratch(home, owner) as folder:
            yield folder
    finally:
        owner.release()


@contextmanager
def scratch_or_none(home: Path) -> Iterator[Path | None]:
    """The same, or None where the home cannot be written: the caller then works beside its destination."""
    try:
        scratch = scratch_of(home)
        folder = scratch.__enter__()
    except OSError:
        yield None
        return
    try:
        yield folder
    finally:
        scratch.__exit__(None, None, None)
