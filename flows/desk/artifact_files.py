"""Opens artifacts for reading: only those that the catalog names, as files whose digest was checked once."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from catalog.catalog import Catalog
from catalog.ledger.results import kept_artifact
from catalog.store.base import is_digest
from flows.desk.not_there import NotThere

MOST_KNOWN = 4096
CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class OpenArtifact:
    """An artifact that is open for reading, with its size in bytes. Its reader closes ``file``."""

    digest: str
    media_type: str
    size: int
    file: BinaryIO


class ArtifactFiles:
    """The artifacts of one catalog as files. A file is checked against its digest when it is first opened, and again
    where it is no longer the same file: a player asks for a part of it many times."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._checked: OrderedDict[str, tuple[Path, tuple[int, int, int]]] = OrderedDict()
        self._lock = Lock()

    def open(self, digest: str) -> OpenArtifact:
        """Open an artifact. Raises NotThere where the catalog names none with this digest, or its bytes were removed
        deliberately; StoreError where the store fails."""
        facts = kept_artifact(self._catalog.database, digest) if is_digest(digest) else None
        if facts is None:
            raise NotThere("no file with this digest is kept", remedy="Load the page again")
        size, media_type = facts
        file = self._open_checked(digest)
        return OpenArtifact(digest, media_type, size, file)

    def _open_checked(self, digest: str) -> BinaryIO:
        with self._lock:
            known = self._checked.get(digest)
        if known is not None:
            path, mark = known
            try:
                file = path.open("rb")
            except OSError:
                pass  # the local copy of a bucket's artifact was evicted
            else:
                if _mark(file) == mark:
                    return file
                file.close()
        path = self._catalog.store.local(digest)
        file = path.open("rb")
        with self._lock:
            self._checked[digest] = (path, _mark(file))
            self._checked.move_to_end(digest)
            while len(self._checked) > MOST_KNOWN:
                self._checked.popitem(last=False)
        return file


def part_of(file: BinaryIO, first: int, length: int) -> Iterator[bytes]:
    """``length`` bytes from ``first`` on, in chunks; the file is closed at the end."""
    with file:
        file.seek(first)
        left = length
        while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk


def _mark(file: BinaryIO) -> tuple[int, int, int]:
    """What shows that a file was not replaced or changed."""
    status = os.fstat(file.fileno())
    return status.st_ino, status.st_size, status.st_mtime_ns
