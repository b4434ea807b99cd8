"""The seam of the artifact store: immutable bytes by their SHA-256."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from catalog.common.errors import ArtifactLost, StoreError

HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes that lie in the store: their digest, size in bytes, and when they came (epoch seconds)."""

    digest: str
    size: int
    stored_at: float


class Store(Protocol):
    """Puts and gets bytes by digest. Every method raises StoreError when the store cannot do it,
    ArtifactLost where the bytes are missing or corrupt."""

    def put(self, source: Path) -> Stored:
        """Keep a file's bytes durably, and verify them, before returning. Known bytes are not written again."""

    def put_bytes(self, data: bytes) -> Stored:
        """The same for bytes in memory."""

    def fetch(self, digest: str, destination: Path) -> None:
        """Write the artifact to ``destination``; its digest is checked on the way."""

    def local(self, digest: str) -> Path:
        """A path to read the artifact from, its digest checked now; the file there must never be changed."""

    def stat(self, digest: str) -> Stored | None:
        """What is known of it, or None where it is not there."""

    def verify(self, digest: str) -> bool:
        """Whether the bytes there still have their digest; False too where they are missing."""

    def delete(self, digest: str) -> None:
        """Remove the bytes if they are there."""

    def listing(self) -> Iterator[Stored]:
        """Everything that lies there."""

    def with_timeout(self, patience_s: float) -> Store:
        """The same store, with ``patience_s`` for trouble of its service instead of what the settings say."""

    def sweep_unfinished(self, older_than_s: float) -> int:
        """Remove what killed writers left half-written; gives the count."""

    def presign(self, digest: str, expires_s: int, *, file_name: str = "") -> str:
        """A link that downloads the artifact without credentials until it expires, under ``file_name`` if it has one.

        Raises RefusedError where the store cannot give one that ends.
        """


def is_digest(name: str) -> bool:
    """Whether ``name`` is 64 hexadecimal digits, as every artifact's is."""
    return len(name) == 64 and HEX.issuperset(name)


def object_name(digest: str) -> str:
    """The artifact's relative name in any store, ``objects/ab/cd/<digest>``. Raises StoreError on what is no digest."""
    if not isinstance(digest, str) or not is_digest(digest):
        raise StoreError(f"{str(digest)[:80]!r} is no SHA-256 digest", remedy="Give 64 hexadecimal digits")
    return f"objects/{digest[:2]}/{digest[2:4]}/{digest}"


def lost(digest: str, how: str) -> ArtifactLost:
    """The error of bytes that are ``how``: not in the store, or corrupt in it."""
    return ArtifactLost(
        f"artifact {digest[:12]} is {how}",
        remedy="Run `songline verify --repair`, then `songline render` to make it again",
        digest=digest,
    )
