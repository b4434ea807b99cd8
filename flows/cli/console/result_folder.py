"""A folder that a command writes whole or not at all, and that replaces only an older one of its kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.common.errors import InputError
from catalog.files.permissions import users_umask
from catalog.files.scratch import scratch_or_none
from tasks.delivery.package.atomic_swap import atomic_swap
from tasks.delivery.package.bundle import building_folder, make_durable


def check_result_folder(out: Path, *, mark: str, what: str) -> None:
    """Raise InputError where ``out`` is a file, or a folder that is neither empty nor has the file ``mark`` of
    Songline's own results; ``what`` names these."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file, not a folder", remedy="Name another folder with --out")
    if out.is_symlink() and not out.exists():
        raise InputError(f"{out} is a link that leads nowhere", remedy="Name another folder with --out")
    if out.is_dir() and any(out.iterdir()) and not (out / mark).is_file():
        sentence = f"{out} is not empty and holds no {what} of Songline"
        raise InputError(sentence, remedy="Name another folder with --out, or empty this one")


@contextmanager
def result_folder(out: Path, home: Path) -> Iterator[Path]:
    """An empty folder that takes the place of ``out`` where the block ends without an error, durably.

    Permissions follow the user's umask, as the results may be shared. Raises OSError.
    """
    with users_umask(), scratch_or_none(home) as scratch, building_folder(out, scratch=scratch) as staging:
        yield staging
        make_durable(staging)
        _put_in_place(staging, out)


def _put_in_place(staging: Path, out: Path) -> None:
    """Move the finished folder to ``out``; a folder that was there remains under the name of ``staging``."""
    if out.is_dir() and any(out.iterdir()):
        if not atomic_swap(staging, out):
            out.rename(staging.with_name(f"{staging.name}-old"))
            staging.rename(out)
    else:
        staging.rename(out)
