"""The errors Songline raises, each with what happened, the remedy and the ids it is about.

::

    SonglineError
    ├── InputError            exit 2   a manifest, lyrics, policy, argument or audio file is wrong
    │   └── ManifestError              every fault of one manifest at once
    ├── RefusedError          exit 3   licence, budget, or a limit of the audio itself
    │   ├── LicenceRefused             a model's licence was not accepted, or forbids the use
    │   └── AudioRefused               silent, too_short, invalid, target_unreachable
    ├── WorkError             exit 1   work failed for good, or a check found a fault
    │   ├── CheckFailed                a finished file fails a check that is not waived
    │   ├── TransientError             worth another try: device lost, out of memory, store away
    │   └── LeaseLost                  somebody else took the work over; uses no attempt
    └── MachineError          exit 4   a service, a missing model, a full disk
        ├── ModelMissing               a model is not installed here
        ├── ServerAway                 the Prefect server cannot be reached now
        ├── StoreError                 the artifact store cannot be read or written
        │   └── ArtifactLost           bytes that a row names are missing or corrupt
        └── CatalogError               the catalog cannot be opened, or is newer than this code
            ├── CatalogDamaged         its bytes are not what they were
            ├── CatalogNotUnderstood   its rows make no sense to this code: they are odd, or the code is wrong
            └── CatalogReadOnly        it can be looked at here, and not be written
"""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from catalog.common.redaction import redacted
from catalog.common.text import sentence


class SonglineError(Exception):
    """Base of all: ``what`` happened and the ``remedy``, both one plain sentence without a full stop.

    Both are shown, logged and recorded in many places, so secrets of addresses are hidden here, once for all of them.
    """

    exit_code: ClassVar[int] = 1
    kind: ClassVar[str] = "error"
    transient: ClassVar[bool] = False

    def __init__(self, what: str, *, remedy: str = "", **ids: str) -> None:
        what, remedy = redacted(what), redacted(remedy)
        ids = {name: redacted(value) for name, value in ids.items()}
        super().__init__(what, remedy, ids)
        self.what = what
        self.remedy = remedy
        self.ids = ids

    def __str__(self) -> str:
        return f"{sentence(self.what)} {sentence(self.remedy)}" if self.remedy else sentence(self.what)

    def __reduce__(self) -> tuple[object, ...]:
        """Errors cross process borders whole (the default would drop the keywords)."""
        return (_rebuild, (type(self), self.__dict__))


def _rebuild(cls: type[SonglineError], state: dict[str, object]) -> SonglineError:
    error = cls.__new__(cls)
    Exception.__init__(error, *state.values())
    error.__dict__.update(state)
    return error


def remedy_of_writing(error: OSError, otherwise: str) -> str:
    """What helps where a file could not be written: room on the disk where that lacks, else ``otherwise``."""
    return "Free disk space there" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else otherwise


class InputError(SonglineError):
    """What the user gave is wrong; nothing was started."""

    exit_code = 2
    kind = "input"


class ManifestError(InputError):
    """All faults of one manifest; ``faults`` are finished lines such as ``album.yaml:14: songs[2].seeds: …``.

    ``titles`` are those of its songs, by the path that a fault names: ``songs[2]``.
    """

    kind = "manifest"

    def __init__(self, faults: Sequence[str], titles: Mapping[str, str] | None = None) -> None:
        super().__init__("\n".join(faults))
        self.titles = dict(titles or {})
        self.faults = tuple(redacted(fault) for fault in faults)

    def __str__(self) -> str:
        return self.what


class RefusedError(SonglineError):
    """Refused on purpose: a licence, a budget, a limit of the audio itself."""

    exit_code = 3
    kind = "refused"


class LicenceRefused(RefusedError):
    """A model's licence was not accepted yet, or does not allow what is asked."""

    kind = "licence"


class AudioRefused(RefusedError):
    """This audio cannot be worked on; ``reason`` is silent, too_short, invalid or target_unreachable."""

    def __init__(self, what: str, *, reason: str, remedy: str = "", **ids: str) -> None:
        super().__init__(what, remedy=remedy, **ids)
        self.reason = reason


class WorkError(SonglineError):
    """A piece of work failed for good; it waits for ``songline retry``."""

    kind = "work"


class CheckFailed(WorkError):
    """A finished file fails a check of its acceptance that the manifest does not waive."""

    kind = "check"


class TransientError(WorkError):
    """Worth another try later, with backoff."""

    kind = "transient"
    transient = True


class LeaseLost(WorkError):
    """The lease ran out and somebody else holds the work now."""

    kind = "lease_lost"
    transient = True


class MachineError(SonglineError):
    """The environment lacks something: a service, a model file, disk."""

    exit_code = 4
    kind = "environment"


class ServerAway(MachineError):
    """Prefect's server cannot be reached now; what is asked of it can be asked again."""

    kind = "server"
    transient = True


class ModelMissing(MachineError):
    """A model is not installed, or not whole; the remedy is the command that gets it."""

    kind = "model_missing"


class StoreError(MachineError):
    """The artifact store cannot be reached, read or written."""

    kind = "store"
    transient = True


class ArtifactLost(StoreError):
    """Bytes that a row names are missing or corrupt; no further try brings them back."""

    kind = "artifact_lost"
    transient = False


class CatalogError(MachineError):
    """The catalog cannot be opened or does not fit this version of Songline."""

    kind = "catalog"


class CatalogDamaged(CatalogError):
    """The bytes of the catalog are not what they were; a backup brings it back."""

    kind = "catalog_damaged"


class CatalogNotUnderstood(CatalogError):
    """Rows can be read and make no sense to this code: something else wrote them, or the code is wrong."""

    kind = "catalog_not_understood"


class CatalogReadOnly(CatalogError):
    """The home can be looked at and not be written to, here and now."""

    kind = "catalog_read_only"


def about(error: SonglineError, title: str, **ids: str) -> SonglineError:
    """The same error, its message beginning with what it is about, where that does not stand there yet."""
    told = error.__class__.__new__(error.__class__)
    what = error.what if error.what.startswith(f"{title}: ") else f"{title}: {error.what}"
    Exception.__init__(told, what, error.remedy)
    told.__dict__.update(error.__dict__)
    told.what, told.ids = what, {**ids, **error.ids}
    told.__cause__ = error.__cause__
    return told


def error_document(error: SonglineError) -> dict[str, object]:
    """An error as it is stored and shown."""
    reason = {"reason": error.reason} if isinstance(error, AudioRefused) else {}
    return {"kind": error.kind, "error": error.what, "remedy": error.remedy, "ids": dict(error.ids), **reason}


def error_from(document: Mapping[str, Any]) -> SonglineError:
    """The error a document was made from, so that it keeps its exit code; an unknown kind is a WorkError."""
    what, remedy = str(document.get("error", "it failed earlier")), str(document.get("remedy", ""))
    if "reason" in document:
        return AudioRefused(what, reason=str(document["reason"]), remedy=remedy, **document.get("ids", {}))
    cls = _BY_KIND.get(str(document.get("kind")), WorkError)
    return cls(what, remedy=remedy, **document.get("ids", {}))


_STORED = (
    InputError,
    RefusedError,
    LicenceRefused,
    WorkError,
    TransientError,
    MachineError,
    ModelMissing,
    StoreError,
    ArtifactLost,
    CatalogError,
    CatalogDamaged,
    CatalogReadOnly,
)
_BY_KIND: Mapping[str, type[SonglineError]] = {cls.kind: cls for cls in _STORED}
