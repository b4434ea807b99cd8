"""Folders for files in the making, in the home: the next command removes those of processes that are gone."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog import owners
from catalog.owners import Owner
from catalog.private import private_folder


def scratch_place(home: Path) -> Path:
    """The folder that they lie in, made if it is not there. Raises OSError."""
    return private_folder(home / "scratch")


def sweep_scratch(home: Path) -> None:
    """Remove the scratch folders and names of processes that are gone."""
    for folder in scratch_place(home).iterdir():
        if owners.is_dead(home / "owners", folder.name.rpartition("+")[0]):
            shutil.rmtree(folder, ignore_errors=True)
    owners.sweep(home / "owners")


@contextmanager
def owned_scratch(home: Path, owner: Owner) -> Iterator[Path]:
    """An empty folder of ``owner``'s; what is left in it at the end is removed. Raises OSError."""
    with tempfile.TemporaryDirectory(dir=scratch_place(home), prefix=f"{owner.name}+") as folder:
        yield Path(folder)


@contextmanager
def scratch_of(home: Path) -> Iterator[Path]:
    """The same for a command that opens no catalog. Raises OSError."""
    owner = Owner(home / "owners")
    try:
        sweep_scratch(home)
        with owned_scratch(home, owner) as folder:
            yield folder
    finally:
        owner.release()


@contextmanager
def scratch_or_none(home: Path) -> Iterator[Path | None]:
    """The same, or None where nothing can be made in the home: then the caller works beside what it makes."""
    try:
        made = scratch_of(home)
        folder = made.__enter__()
    except OSError:
        yield None
        return
    try:
        yield folder
    finally:
        made.__exit__(None, None, None)
