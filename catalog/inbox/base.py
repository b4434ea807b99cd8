"""The protocol of inboxes: manifests in a folder or under a prefix, and reports written beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from catalog.common.errors import InputError

REPORTS = "reports"
"""Folder of the inbox that holds the reports; it is not searched for manifests."""

SUFFIXES = (".yaml", ".yml", ".json")
MAX_NAMES = 100_000
"""Maximum number of files and folders in an inbox; a place with more is a disk rather than an inbox."""


@dataclass(frozen=True, slots=True)
class ManifestFound:
    """A manifest by its name: its path inside the inbox, with slashes. ``fault`` is why it cannot be opened."""

    name: str
    fault: str | None = None


class Inbox(Protocol):
    """Manifests and their files. Methods raise InputError for a wrong manifest, StoreError where the location fails."""

    @property
    def place(self) -> str:
        """The inbox as users write it."""

    def manifests(self) -> Sequence[ManifestFound]:
        """Every ``.yaml``, ``.yml`` and ``.json`` file at any depth, ordered by path (by code points), except those
        in ``reports`` and those that begin with a dot."""

    def opened(self, name: str) -> AbstractContextManager[Path]:
        """A manifest as a file, with the files that it names beside it, for the length of the block."""

    def leave(self, stem: str, contents: Mapping[str, bytes]) -> str:
        """Write a report under ``stem``, one file for each suffix; returns the name that was used, without suffix."""


def is_offered(name: str) -> bool:
    """Whether a path inside an inbox is a manifest."""
    parts = PurePosixPath(name).parts
    is_hidden = any(part.startswith(".") and part != ".." for part in parts)
    return name.lower().endswith(SUFFIXES) and parts[0] != REPORTS and not is_hidden


def too_many(location: str) -> InputError:
    """The error of an inbox with too many files."""
    return InputError(
        f"the inbox {location} holds more than {MAX_NAMES} files",
        remedy="Move finished albums away, or name a folder of albums only",
    )


def numbered(stem: str, attempt: int) -> str:
    """The next name to try for a report: two may be written in one second."""
    return stem if attempt == 1 else f"{stem}-{attempt}"
