"""An inbox under a prefix of a bucket. A manifest is downloaded with the files that it names, and no others."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path

from catalog.common.digests import Json
from catalog.common.errors import InputError, StoreError
from catalog.common.text import has_control
from catalog.files.confined import MAX_PATH_CHARACTERS, confined, path_fault
from catalog.inbox.base import MAX_NAMES, REPORTS, ManifestFound, is_offered, numbered, too_many
from catalog.manifest.files import MAX_REFERENCE_BYTES
from catalog.manifest.yaml.reader import MAX_MANIFEST_BYTES, read_source
from catalog.store.s3_objects import NamedObjects

MAX_FILES = 2_000
MAX_TOTAL_BYTES = 4 << 30
UNSAFE = "has a name that is no path inside the inbox. Give the object another name."


class BucketInbox:
    """See :class:`catalog.inbox.base.Inbox`. ``scratch`` yields an empty folder for the length of a block."""

    def __init__(
        self, objects: NamedObjects, location: str, *, scratch: Callable[[], AbstractContextManager[Path]]
    ) -> None:
        self._objects = objects
        self._place = location.rstrip("/")
        self._scratch = scratch
        self._sizes: dict[str, int] = {}

    @property
    def place(self) -> str:
        """See :class:`catalog.inbox.base.Inbox`."""
        return self._place

    def manifests(self) -> list[ManifestFound]:
        """See :class:`catalog.inbox.base.Inbox`."""
        self._sizes = {}
        for entry in self._objects.listing():
            # Folder markers are not files, and there may be many reports after some years.
            if not entry.key.endswith("/") and not entry.key.startswith(f"{REPORTS}/"):
                self._sizes[entry.key] = entry.size
            if len(self._sizes) > MAX_NAMES:
                raise too_many(self.place)
        names = sorted(name for name in self._sizes if is_offered(name))
        return [ManifestFound(name, UNSAFE if path_fault(name) else None) for name in names]

    @contextmanager
    def opened(self, name: str) -> Iterator[Path]:
        """See :class:`catalog.inbox.base.Inbox`."""
        with self._scratch() as folder:
            path = confined(folder, posixpath.basename(name), named_by=self._place)
            self._fetch(name, path, MAX_MANIFEST_BYTES)
            keys_by_path = self._named(path, posixpath.dirname(name))
            total = sum(self._sizes[key] for key in keys_by_path.values())
            if len(keys_by_path) > MAX_FILES or total > MAX_TOTAL_BYTES:
                raise InputError(
                    f"the manifest names {len(keys_by_path)} files of {total} bytes",
                    remedy=f"An album in a bucket has at most {MAX_FILES} files and {MAX_TOTAL_BYTES} bytes",
                )
            remaining_bytes = MAX_TOTAL_BYTES  # counts the bytes received, whatever sizes the listing states
            for relative_path, key in keys_by_path.items():
                if relative_path != path.name:
                    place = confined(folder, relative_path, named_by=self._place)
                    remaining_bytes -= self._fetch(key, place, min(MAX_REFERENCE_BYTES, remaining_bytes))
            yield path

    def leave(self, stem: str, contents: Mapping[str, bytes]) -> str:
        """See :class:`catalog.inbox.base.Inbox`."""
        names = (f"{REPORTS}/{numbered(stem, attempt)}" for attempt in count(1))
        name = next(
            candidate
            for candidate in names
            if not any(self._objects.is_there(f"{candidate}{suffix}") for suffix in contents)
        )
        for suffix, data in contents.items():
            self._objects.put(f"{name}{suffix}", data)
        return name

    def _named(self, manifest: Path, folder: str) -> dict[str, str]:
        """Objects in the manifest's folder that some text of the manifest names, by their path in that folder.

        The manifest's own checks interpret the texts, and report a file that is missing.
        """
        source = read_source(manifest.name, manifest.read_bytes())
        keys_by_path: dict[str, str] = {}
        for text in sorted(set(_texts(source.data))):
            relative_path = posixpath.normpath(text)
            key = posixpath.join(folder, relative_path)
            if path_fault(relative_path) is None and key in self._sizes:
                keys_by_path[relative_path] = key
        return keys_by_path

    def _fetch(self, name: str, path: Path, max_bytes: int) -> int:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return self._objects.fetch(name, path, max_bytes=max_bytes)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise InputError(f"{name!r} stands for a file and a folder", remedy="Rename one of the objects") from error
        except OSError as error:
            raise StoreError(
                f"{name} cannot be kept in {path.parent}: {error.strerror}",
                remedy="Free disk space there, or point SONGLINE_HOME to another disk",
            ) from error


def _texts(data: Json) -> Iterator[str]:
    """Every text of a document that may be a path."""
    queue = [data]
    while queue:
        value = queue.pop()
        if isinstance(value, dict):
            queue += value.values()
        elif isinstance(value, list):
            queue += value
        elif isinstance(value, str) and value and len(value) <= MAX_PATH_CHARACTERS and not has_control(value):
            yield value
