"""The errors that Songline raises, each with what happened, the remedy and the ids concerned.

::

    SonglineError
    ├── InputError            exit 2   a manifest, lyrics, policy, argument or audio file is wrong
    │   └── ManifestError              every fault of one manifest at once
    ├── RefusedError          exit 3   licence, budget, or a limit of the audio itself
    │   ├── LicenceRefused             a model's licence was not accepted, or forbids the use
    │   └── AudioRefused               silent, too_short, invalid, target_unreachable
    ├── WorkError             exit 1   work failed permanently, or a check found a fault
    │   ├── CheckFailed                a finished file fails a check that is not waived
    │   ├── TransientError             can be retried: device lost, out of memory, store unreachable
    │   └── LeaseLost                  another process took over the work; uses no attempt
    └── MachineError          exit 4   a service, a missing model, a full disk
        ├── ModelMissing               a model is not installed here
        ├── ServerAway                 the Prefect server is unreachable now
        ├── StoreError                 the artifact store cannot be read or written
        │   └── ArtifactLost           bytes that a row names are missing or corrupt
        └── CatalogError               the catalog cannot be opened, or is newer than this code
            ├── CatalogDamaged         its bytes have changed
            ├── CatalogNotUnderstood   its rows are not valid for this code: they or the code are wrong
            └── CatalogReadOnly        it can be read here, but not written
"""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from catalog.common.redaction import redacted
from catalog.common.text import sentence


class SonglineError(Exception):
    """Base of all errors: ``what`` happened and the ``remedy``, each one plain sentence without a full stop.

    Both are shown, logged and stored in many places, so secrets in URLs are redacted here, once for all of them.
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
        """Errors keep their fields across process borders (the default would drop the keywords)."""
        return (_rebuild, (type(self), self.__dict__))


def _rebuild(cls: type[SonglineError], state: dict[str, object]) -> SonglineError:
    error = cls.__new__(cls)
    Exception.__init__(error, *state.values())
    error.__dict__.update(state)
    return error


def remedy_of_writing(error: OSError, otherwise: str) -> str:
    """The remedy where a file could not be written: free disk space where the disk is full, else ``otherwise``."""
    return "Free disk space there" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else otherwise


class InputError(SonglineError):
    """The user's input is wrong; nothing was started."""

    exit_code = 2
    kind = "input"


class ManifestError(InputError):
    """All faults of one manifest; ``faults`` are finished lines such as ``album.yaml:14: songs[2].seeds: …``.

    ``titles`` maps the path that a fault names (``songs[2]``) to the title of that song.
    """

    kind = "manifest"

    def __init__(self, faults: Sequence[str], titles: Mapping[str, str] | None = None) -> None:
        super().__init__("\n".join(faults))
        self.titles = dict(titles or {})
        self.faults = tuple(redacted(fault) for fault in faults)

    def __str__(self) -> str:
        return self.what


class RefusedError(SonglineError):
    """Refused deliberately: a licence, a budget, a limit of the audio itself."""

    exit_code = 3
    kind = "refused"


class LicenceRefused(RefusedError):
    """A model's licence is not accepted yet, or does not allow the requested use."""

    kind = "licence"


class AudioRefused(RefusedError):
    """This audio cannot be processed; ``reason`` is silent, too_short, invalid or target_unreachable."""

    def __init__(self, what: str, *, reason: str, remedy: str = "", **ids: str) -> None:
        super().__init__(what, remedy=remedy, **ids)
        self.reason = reason


class WorkError(SonglineError):
    """A piece of work failed permanently; it waits for ``songline retry``."""

    kind = "work"


class CheckFailed(WorkError):
    """A finished file fails an acceptance check that the manifest does not waive."""

    kind = "check"


class TransientError(WorkError):
    """Can be retried later, with backoff."""

    kind = "transient"
    transient = True


class LeaseLost(WorkError):
    """The lease expired and another process holds the work now."""

    kind = "lease_lost"
    transient = True


class MachineError(SonglineError):
    """The environment is missing something: a service, a model file, disk space."""

    exit_code = 4
    kind = "environment"


class ServerAway(MachineError):
    """Prefect's server cannot be reached now; the request can be repeated."""

    kind = "server"
    transient = True


class ModelMissing(MachineError):
    """A model is not installed, or incomplete; the remedy is the command that installs it."""

    kind = "model_missing"


class StoreError(MachineError):
    """The artifact store cannot be reached, read or written."""

    kind = "store"
    transient = True


class ArtifactLost(StoreError):
    """Bytes that a row names are missing or corrupt; retrying does not help."""

    kind = "artifact_lost"
    transient = False


class CatalogError(MachineError):
    """The catalog cannot be opened or does not fit this version of Songline."""

    kind = "catalog"


class CatalogDamaged(CatalogError):
    """The bytes of the catalog have changed; restoring a backup repairs it."""

    kind = "catalog_damaged"


class CatalogNotUnderstood(CatalogError):
    """Rows are readable but not valid for this code: another program wrote them, or the code has a bug."""

    kind = "catalog_not_understood"


class CatalogReadOnly(CatalogError):
    """The home can be read but not written in this environment."""

    kind = "catalog_read_only"


def about(error: SonglineError, title: str, **ids: str) -> SonglineError:
    """The same error with its subject put before its message, unless it is there already."""
    new_error = error.__class__.__new__(error.__class__)
    message = error.what if error.what.startswith(f"{title}: ") else f"{title}: {error.what}"
    Exception.__init__(new_error, message, error.remedy)
    new_error.__dict__.update(error.__dict__)
    new_error.what, new_error.ids = message, {**ids, **error.ids}
    new_error.__cause__ = error.__cause__
    return new_error


def error_document(error: SonglineError) -> dict[str, object]:
    """An error as it is stored and shown."""
    reason = {"reason": error.reason} if isinstance(error, AudioRefused) else {}
    return {"kind": error.kind, "error": error.what, "remedy": error.remedy, "ids": dict(error.ids), **reason}


def error_from(document: Mapping[str, Any]) -> SonglineError:
    """The error that a document was made from, so that it keeps its exit code; an unknown kind is a WorkError."""
    message, remedy = str(document.get("error", "it failed earlier")), str(document.get("remedy", ""))
    if "reason" in document:
        return AudioRefused(message, reason=str(document["reason"]), remedy=remedy, **document.get("ids", {}))
    cls = _BY_KIND.get(str(document.get("kind")), WorkError)
    return cls(message, remedy=remedy, **document.get("ids", {}))


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
