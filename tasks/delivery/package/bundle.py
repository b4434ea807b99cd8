"""A release is replaced as a whole: built in a staging folder, made durable and swapped in; old files are removed.

Files that no build wrote are carried over: see :mod:`tasks.delivery.package.own_files`.
"""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from catalog.common.errors import InputError, MachineError
from catalog.files.leftovers import (
    ASIDE,
    MEANWHILE,
    RELEASE_FILE,
    STAGING,
    hidden_name,
    is_the_same,
    locked_new_folder,
    remove_leftovers,
    remove_unless_held,
)
from catalog.files.scratch import note_place
from catalog.files.whole_file import sync
from tasks.delivery.package.atomic_swap import atomic_swap
from tasks.delivery.package.own_files import BuildFiles, Carrying, OwnFile, open_folder

SUMS_FILE = "SHA256SUMS"

_ATTEMPTS = 100


@contextmanager
def staging_folder(destination: Path, *, scratch: Path | None = None) -> Iterator[Path]:
    """An empty folder in which to build the next release of ``destination``; see :func:`building_folder`.

    Raises InputError where ``destination`` cannot be replaced (see :func:`check_destination`).
    """
    check_destination(destination)
    with building_folder(destination, scratch=scratch) as folder:
        yield folder


@contextmanager
def building_folder(destination: Path, *, scratch: Path | None = None) -> Iterator[Path]:
    """An empty folder that can be renamed to ``destination``; what remains in it at the end is removed.

    It is in ``scratch``, where the next command removes it for a killed one, if that is on the same disk. Else it is
    beside ``destination``, which is noted in ``scratch``: the next command removes it there. A lock that ends with this
    process shows that the folder is in use. Raises OSError.
    """
    destination = _place(destination)
    destination.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(destination)
    if scratch is not None:
        note_place(scratch, destination)
    is_inside = scratch is not None and _can_be_moved(scratch, destination)
    folder, handle = locked_new_folder(scratch / destination.name if scratch and is_inside else destination)
    try:
        yield folder
    finally:
        if is_the_same(handle, folder):  # not once it is swapped in: its name may by now be another's
            shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)
        remove_leftovers(destination)


def _can_be_moved(scratch: Path, destination: Path) -> bool:
    """Whether a folder made in ``scratch`` can be renamed to a place beside ``destination``.

    This is tried, since neither devices nor mounts show it for certain. The name is unique to this process; a cleanup
    by another may remove the folder.
    """
    probe = scratch / "probe"
    moved_path = destination.with_name(hidden_name(destination, STAGING, secrets.randbits(64)))
    probe.mkdir()
    try:
        probe.rename(moved_path)
    except OSError:
        probe.rmdir()
        return False
    with suppress(FileNotFoundError):
        moved_path.rmdir()
    return True


def check_destination(destination: Path) -> None:
    """Raise InputError if ``destination`` is anything but a release or an empty folder."""
    destination = _place(destination)
    for _ in range(_ATTEMPTS):
        try:
            handle = os.open(destination, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            return
        except NotADirectoryError as fault:
            problem = f"{destination} is a file, not a folder"
            raise InputError(problem, remedy="Name another folder with --out") from fault
        names = os.listdir(handle)
        still_there = is_the_same(handle, destination)  # else it was swapped out meanwhile and is being removed
        os.close(handle)
        if not names or RELEASE_FILE in names:
            return
        if still_there:
            problem = f"{destination} is not empty and holds no release of Songline"
            raise InputError(problem, remedy="Name another folder with --out, or empty this one")


def swap_in(staging: Path, destination: Path, *, builds: BuildFiles) -> tuple[OwnFile, ...]:
    """Put the finished folder ``staging`` in the place of ``destination`` and remove the old content.

    ``builds`` holds the files that the album's builds have written; all others in ``destination`` are kept and
    returned.

    A reader of ``destination`` finds the old release or the new one, whole; after a crash, too, since every file is on
    the disk before. On file systems that cannot exchange two folders there is nothing for an instant. Both must be on
    one file system. Raises InputError where ``destination`` is not a release to be replaced, or ``staging`` is none,
    MachineError where the file system refuses.
    """
    destination = _place(destination)
    if not (staging / RELEASE_FILE).is_file():
        raise InputError(f"{staging} holds no {RELEASE_FILE}", remedy="Finish the release before it is put in place")
    destination.parent.mkdir(parents=True, exist_ok=True)
    carrier = Carrying(builds)
    try:
        # Through open folders, so that another user who may write beside them cannot redirect reads or writes.
        with open_folder(staging) as new_folder:
            _carry_present(carrier, destination, new_folder)
            make_durable(new_folder)
            old_folder = _take_place(staging, destination)
        with suppress(FileNotFoundError), open_folder(destination) as current_folder:
            # Another process may be removing it, after the same check.
            carrier.carry(old_folder, current_folder)  # files added, or carried over by another build, in the meantime
        sync(destination.parent)
        if staging.parent != destination.parent:
            sync(staging.parent)
    except OSError as fault:
        problem = f"{destination} cannot be put in place ({fault.strerror})"
        raise MachineError(problem, remedy="Check the disk and the rights on that folder") from fault
    remove_unless_held(staging)
    remove_leftovers(destination)
    return tuple(carrier.kept)


def make_durable(folder: Path) -> None:
    """Write every file and folder under ``folder``, itself included, through to the disk.

    Links and special files are the user's own and are left to the system.
    """
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            if stat.S_ISREG(path.lstat().st_mode) and os.access(path, os.R_OK):
                sync(path)
        sync(Path(parent))


def _carry_present(carrier: Carrying, destination: Path, staging: Path) -> None:
    """Carry over the files that are there now; where another process swaps the folder, those of its successor."""
    for attempt in range(1, _ATTEMPTS + 1):
        if not destination.exists():
            return
        try:
            carrier.carry(destination, staging)
            return
        except FileNotFoundError:
            if attempt == _ATTEMPTS:
                raise


def _take_place(staging: Path, destination: Path) -> Path:
    """Rename into a free place, else exchange; where another process does the same meanwhile, try again.

    Returns the folder with the old content, if there was any.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        check_destination(destination)
        try:
            if not destination.exists():
                staging.rename(destination)
            elif not atomic_swap(staging, destination):
                return _replace_in_two_steps(staging, destination)
            return staging
        except OSError as fault:
            if fault.errno not in MEANWHILE or attempt == _ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def _replace_in_two_steps(staging: Path, destination: Path) -> Path:
    names = (destination.with_name(hidden_name(destination, ASIDE, number)) for number in itertools.count())
    old_folder = next(path for path in names if not path.exists())
    destination.rename(old_folder)
    staging.rename(destination)
    return old_folder


def _place(destination: Path) -> Path:
    """The folder itself where ``destination`` is a link to one: the link stays."""
    return Path(os.path.realpath(destination))
