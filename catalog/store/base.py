"""The protocol of artifact stores: immutable bytes by their SHA-256."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from catalog.common.errors import ArtifactLost, StoreError

HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes in the store: their digest, size in bytes, and when they were stored (epoch seconds)."""

    digest: str
    size: int
    stored_at: float


class Store(Protocol):
    """Puts and gets bytes by digest. Every method raises StoreError where the store fails, ArtifactLost where the
    bytes are missing or corrupt."""

    def put(self, source: Path) -> Stored:
        """Store a file's bytes durably, and verify them, before returning. Known bytes are not written again."""

    def put_bytes(self, data: bytes) -> Stored:
        """Store bytes from memory; see :meth:`put`."""

    def fetch(self, digest: str, destination: Path) -> None:
        """Write the artifact to ``destination``; its digest is checked while it is copied."""

    def local(self, digest: str) -> Path:
        """A path to read the artifact from, its digest checked now; the file there must never be changed."""

    def stat(self, digest: str) -> Stored | None:
        """The stored artifact's data, or None where it is missing."""

    def verify(self, digest: str) -> bool:
        """Whether the stored bytes still have their digest; also False where they are missing."""

    def delete(self, digest: str) -> None:
        """Remove the bytes where they exist."""

    def listing(self) -> Iterator[Stored]:
        """All stored artifacts."""

    def with_timeout(self, patience_s: float) -> Store:
        """The same store, with ``patience_s`` as the timeout for its service instead of the setting."""

    def sweep_unfinished(self, older_than_s: float) -> int:
        """Remove half-written files of killed writers; returns the count."""

    def presign(self, digest: str, expires_s: int, *, file_name: str = "", media_type: str = "") -> str:
        """A link that downloads the artifact without credentials until it expires, under ``file_name`` and as
        ``media_type`` where these are set.

        Raises RefusedError where the store has no links that expire.
        """


def is_digest(name: str) -> bool:
    """Whether ``name`` is 64 hexadecimal digits, the form of every artifact's digest."""
    return len(name) == 64 and HEX.issuperset(name)


def object_name(digest: str) -> str:
    """The artifact's relative name in any store, ``objects/ab/cd/<digest>``. Raises StoreError where it is not a
    digest."""
    if not isinstance(digest, str) or not is_digest(digest):
        raise StoreError(f"{str(digest)[:80]!r} is no SHA-256 digest", remedy="Give 64 hexadecimal digits")
    return f"objects/{digest[:2]}/{digest[2:4]}/{digest}"


def lost(digest: str, condition: str) -> ArtifactLost:
    """The error of bytes that are ``condition``: not in the store, or corrupt in it."""
    return ArtifactLost(
        f"artifact {digest[:12]} is {condition}",
        remedy="Run `songline verify --repair`, then `songline render` to make it again",
        digest=digest,
    )
