"""A file that is still coming: its bytes so far beside its place, and how to go on with them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.errors import MachineError

if TYPE_CHECKING:
    import httpx

MAX_BYTES = 200_000_000_000

Told = Callable[[int, int | None], None]
"""Called with the bytes that are there and the size, None where it is not known."""


class Part:
    """``place.part`` holds the bytes so far, ``place.part.tag`` the version of the file that they are of."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._bytes = place.with_name(f"{place.name}.part")
        self._tag = place.with_name(f"{place.name}.part.tag")

    @property
    def size_bytes(self) -> int:
        """How many bytes are there."""
        return self._bytes.stat().st_size if self._bytes.is_file() else 0

    def range_headers(self, *, is_judged: bool) -> dict[str, str]:
        """The headers that ask for the rest. Where no digest will judge the file, only for that of the same version."""
        if not self.size_bytes:
            return {}
        if is_judged:
            return {"Range": f"bytes={self.size_bytes}-"}
        if not self._tag.is_file():
            self.drop()
            return {}
        return {"Range": f"bytes={self.size_bytes}-", "If-Range": self._tag.read_text("latin-1")}

    def tag(self, headers: Mapping[str, str]) -> None:
        """Remember the version that a server says it sends."""
        version = headers.get("ETag", headers.get("Last-Modified", ""))
        if version and not version.startswith("W/"):
            self._tag.write_text(version, "latin-1")

    def append(self, response: httpx.Response, size_bytes: int | None, told: Told | None) -> None:
        """Add what a response brings, as it comes. Raises MachineError for more than ``size_bytes``."""
        there = self.size_bytes
        with self._bytes.open("ab") as target:
            for chunk in response.iter_raw():
                there += len(chunk)
                if there > (MAX_BYTES if size_bytes is None else size_bytes):
                    raise MachineError(f"{response.url} sends more bytes than it said", remedy="Use another mirror")
                target.write(chunk)
                if told is not None:
                    told(there, size_bytes)

    def drop(self) -> None:
        """Start anew."""
        self._bytes.unlink(missing_ok=True)
        self._tag.unlink(missing_ok=True)

    def done(self) -> None:
        """It is whole: put it in its place."""
        os.replace(self._bytes, self._place)
        self._tag.unlink(missing_ok=True)
