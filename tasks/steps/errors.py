"""Turns the errors of steps and engines into Songline's, by which it is decided whether they are tried again."""

from __future__ import annotations

import errno
import traceback
from pathlib import Path

from catalog.common.errors import MachineError, SonglineError, TransientError, WorkError
from db.session import DatabaseError

FREE_DISK = "Free disk space, or point SONGLINE_HOME to another disk, then run `songline retry`"


def as_songline_error(error: BaseException, *, activity: str) -> SonglineError:
    """Any exception as a SonglineError: out of memory and broken connections are transient, a bug is permanent."""
    if isinstance(error, SonglineError):
        return error
    if isinstance(error, DatabaseError):
        return TransientError(f"the catalog could not be written: {error}", remedy="It will be tried again")
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return MachineError(f"the disk is full at {error.filename or 'the home'}", remedy=FREE_DISK)
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    if isinstance(error, MemoryError | ConnectionError | TimeoutError) or _is_of_the_device(error):
        return TransientError(f"{activity} ran into {type(error).__name__} at {place}", remedy="It will be tried again")
    return WorkError(
        f"{activity} failed with {type(error).__name__} at {place}: {error}",
        remedy="This looks like a fault of Songline; report it, then run `songline retry`",
    )


def _is_of_the_device(error: BaseException) -> bool:
    """Whether a GPU is out of memory or lost; decided by class names, since torch may not be loaded here."""
    if type(error).__name__ in ("OutOfMemoryError", "AcceleratorError"):
        return True
    message = str(error)
    return isinstance(error, RuntimeError) and any(
        sign in message for sign in ("out of memory", "CUDA error", "cuDNN error")
    )
