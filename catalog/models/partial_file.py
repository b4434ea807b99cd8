"""A partial download: the bytes so far beside the destination, and how to continue them."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.common.errors import MachineError
from catalog.models.file_type import HEAD_BYTES, no_model, read_head

if TYPE_CHECKING:
    import httpx

MAX_BYTES = 200_000_000_000

OnProgress = Callable[[int, int | None], None]
"""Called with the number of bytes so far and the size, None where that is unknown."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The minimum speed of a body in bytes per second, averaged over ``over_s`` seconds."""

    least_bytes_per_s: float
    over_s: float


class PartialFile:
    """``place.part`` holds the bytes so far, ``place.part.tag`` the version of the file that they belong to."""

    def __init__(self, destination: Path, pace: Pace, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._place = destination
        self._pace = pace
        self._clock = clock
        self._bytes = destination.with_name(f"{destination.name}.part")
        self._tag = destination.with_name(f"{destination.name}.part.tag")

    @property
    def size_bytes(self) -> int:
        """The number of bytes so far."""
        return self._bytes.stat().st_size if self._bytes.is_file() else 0

    def range_headers(self, *, is_judged: bool) -> dict[str, str]:
        """The headers that request the rest. Where no digest will check the file, they require the same version."""
        if not self.size_bytes:
            return {}
        if is_judged:
            return {"Range": f"bytes={self.size_bytes}-"}
        if not self._tag.is_file():
            self.drop()
            return {}
        return {"Range": f"bytes={self.size_bytes}-", "If-Range": self._tag.read_text("latin-1")}

    def tag(self, headers: Mapping[str, str]) -> None:
        """Store the version that a server states."""
        version = headers.get("ETag", headers.get("Last-Modified", ""))
        if version and not version.startswith("W/"):
            self._tag.write_text(version, "latin-1")

    def append(self, response: httpx.Response, size_bytes: int | None, on_progress: OnProgress | None) -> None:
        """Append the body of a response as it arrives.

        Raises MachineError for more than ``size_bytes``, for less than the minimum speed, where the disk is full, and
        for a beginning that no model file has: nothing of such a file is kept.
        """
        total_bytes = self.size_bytes
        self._need_room(size_bytes, total_bytes)
        since_s, since_bytes = self._clock(), total_bytes
        head = read_head(self._bytes) if total_bytes else b""
        with open(self._bytes, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as target:
            for chunk in response.iter_raw():
                if len(head) < HEAD_BYTES:
                    head = (head + chunk)[:HEAD_BYTES]
                    self._refuse_no_model(head, response, size_bytes)
                total_bytes += len(chunk)
                if total_bytes > (MAX_BYTES if size_bytes is None else size_bytes):
                    raise MachineError(f"{response.url} sends more bytes than it said", remedy="Use another mirror")
                target.write(chunk)
                if on_progress is not None:
                    on_progress(total_bytes, size_bytes)
                if (passed_s := self._clock() - since_s) >= self._pace.over_s:
                    self._require_pace((total_bytes - since_bytes) / passed_s, response)
                    since_s, since_bytes = self._clock(), total_bytes

    def _refuse_no_model(self, head: bytes, response: httpx.Response, size_bytes: int | None) -> None:
        if kind := no_model(self._place.name, head, size_bytes or MAX_BYTES):
            self.drop()
            raise MachineError(f"{response.url} is {kind}", remedy="Check the address, and who may read it")

    def _require_pace(self, bytes_per_s: float, response: httpx.Response) -> None:
        if bytes_per_s < self._pace.least_bytes_per_s:
            problem = (
                f"{response.url} sends {bytes_per_s:.0f} bytes a second, less than {self._pace.least_bytes_per_s:.0f}"
            )
            raise MachineError(problem, remedy="Run the same command again: it continues; or use another mirror")

    def _need_room(self, size_bytes: int | None, received_bytes: int) -> None:
        free_bytes = shutil.disk_usage(self._place.parent).free
        if size_bytes is not None and size_bytes - received_bytes > free_bytes:
            shortage = f"{(size_bytes - received_bytes) / 1e9:.2f} GB more"
            problem = f"{self._place.name} needs {shortage} and the disk has {free_bytes / 1e9:.2f} GB"
            raise MachineError(problem, remedy="Free disk space, or point SONGLINE_MODELS to a larger disk")

    def drop(self) -> None:
        """Restart from the beginning."""
        self._bytes.unlink(missing_ok=True)
        self._tag.unlink(missing_ok=True)

    def done(self) -> None:
        """The file is complete: move it to its destination. Raises MachineError where nothing was received."""
        if not self.size_bytes:
            self.drop()
            raise MachineError(f"{self._place.name} arrived empty", remedy="Check the address or the mirror")
        os.replace(self._bytes, self._place)
        self._tag.unlink(missing_ok=True)
