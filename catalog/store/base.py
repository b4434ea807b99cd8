"""The seam of the artifact store: immutable bytes by their SHA-256."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


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
        """A path to read the artifact from; the file there must never be changed."""

    def stat(self, digest: str) -> Stored | None:
        """What is known of it, or None where it is not there."""

    def verify(self, digest: str) -> bool:
        """Whether the bytes there still have their digest; False too where they are missing."""

    def delete(self, digest: str) -> None:
        """Remove the bytes if they are there."""

    def listing(self) -> Iterator[Stored]:
        """Everything that lies there."""

    def sweep_unfinished(self, older_than_s: float) -> int:
        """Remove what killed writers left half-written; gives the count."""
