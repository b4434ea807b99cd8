"""The seam of inboxes: manifests that lie in a folder or under a prefix, and reports left beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from catalog.common.errors import InputError

REPORTS = "reports"
"""Folder of the inbox that holds what was reported; no manifest is looked for there."""

SUFFIXES = (".yaml", ".yml", ".json")
MAX_NAMES = 100_000
"""Files and folders of an inbox that are looked at; past that it is no inbox but a disk."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A manifest by its name: its path inside the inbox, with slashes. ``fault`` says why it cannot be opened."""

    name: str
    fault: str | None = None


class Inbox(Protocol):
    """Manifests and their files. Methods raise InputError where a manifest is wrong, StoreError where the place is."""

    @property
    def place(self) -> str:
        """The inbox as people write it."""

    def manifests(self) -> Sequence[Offered]:
        """Every ``.yaml``, ``.yml`` and ``.json`` file at any depth, in the order of the paths (by code points), but
        for what lies in ``reports`` and what begins with a dot."""

    def opened(self, name: str) -> AbstractContextManager[Path]:
        """A manifest as a file, with the files that it names beside it, for as long as the block lasts."""

    def leave(self, stem: str, contents: Mapping[str, bytes]) -> str:
        """Keep a report under ``stem`` as one file for each suffix; gives the name that it got, without suffix."""


def is_offered(name: str) -> bool:
    """Whether a path inside an inbox is that of a manifest."""
    parts = PurePosixPath(name).parts
    hidden = any(part.startswith(".") and part != ".." for part in parts)
    return name.lower().endswith(SUFFIXES) and parts[0] != REPORTS and not hidden


def too_many(place: str) -> InputError:
    """The error of an inbox that holds more than is looked at."""
    return InputError(
        f"the inbox {place} holds more than {MAX_NAMES} files",
        remedy="Move finished albums away, or name a folder of albums only",
    )


def numbered(stem: str, attempt: int) -> str:
    """The name to try next for a report: two may be left in one second."""
    return stem if attempt == 1 else f"{stem}-{attempt}"
