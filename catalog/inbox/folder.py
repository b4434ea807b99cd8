"""An inbox in a folder. No file outside it is read, even through links."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from catalog.common.errors import InputError, StoreError
from catalog.files.confined import is_inside, path_fault
from catalog.files.permissions import users_file_mode, users_umask
from catalog.files.whole_file import write_whole
from catalog.inbox.base import MAX_NAMES, REPORTS, ManifestFound, is_offered, numbered, too_many

LINKED = "is a link to a folder, which an inbox does not follow. Put the folder itself there."


class FolderInbox:
    """See :class:`catalog.inbox.base.Inbox`."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    @property
    def place(self) -> str:
        """See :class:`catalog.inbox.base.Inbox`."""
        return str(self._root)

    def manifests(self) -> list[ManifestFound]:
        """See :class:`catalog.inbox.base.Inbox`."""
        if not self._root.is_dir():
            raise InputError(f"there is no inbox at {self._root}", remedy="Make the folder, or correct SONGLINE_INBOX")
        return sorted(self._walk(), key=lambda each: each.name)

    def _walk(self) -> Iterator[ManifestFound]:
        errors: list[OSError] = []
        seen_count = 0
        for folder_name, folders, files in os.walk(self._root, onerror=errors.append):
            seen_count += len(folders) + len(files)
            if seen_count > MAX_NAMES:
                raise too_many(self.place)
            folder = Path(folder_name)
            for name in folders:
                if (folder / name).is_symlink() and not name.startswith(".") and folder / name != self._root / REPORTS:
                    yield ManifestFound(self._name(folder / name), LINKED)
            folders[:] = [
                child for child in folders if not child.startswith(".") and folder / child != self._root / REPORTS
            ]
            names = (self._name(folder / name) for name in files)
            yield from (ManifestFound(name) for name in names if is_offered(name))
        for error in errors:
            yield ManifestFound(
                self._name(Path(error.filename)), f"cannot be read: {error.strerror}. Check its permissions."
            )

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()

    @contextmanager
    def opened(self, name: str) -> Iterator[Path]:
        """See :class:`catalog.inbox.base.Inbox`."""
        if problem := path_fault(name):
            raise InputError(f"the name of the manifest is no path of the inbox: {problem}", remedy="Rename the file")
        path = self._root / name
        if not is_inside(path, path.parent):
            raise InputError(
                "the manifest is a link that leaves its folder, or leads nowhere", remedy="Put the file itself there"
            )
        yield path

    def leave(self, stem: str, contents: Mapping[str, bytes]) -> str:
        """See :class:`catalog.inbox.base.Inbox`."""
        folder = self._root / REPORTS
        try:
            if folder.is_symlink():
                raise StoreError(f"{folder} is a link", remedy="Remove it; reports are kept in a folder of that name")
            with users_umask():
                folder.mkdir(exist_ok=True)
            name = next(
                candidate
                for candidate in (numbered(stem, attempt) for attempt in count(1))
                if not any((folder / f"{candidate}{suffix}").exists() for suffix in contents)
            )
            for suffix, data in contents.items():
                _write(folder / f"{name}{suffix}", data)
        except OSError as error:
            raise StoreError(
                f"the report cannot be written to {folder}: {error.strerror}",
                remedy="Free space there, and let Songline write into that folder",
            ) from error
        return f"{REPORTS}/{name}"


def _write(path: Path, data: bytes) -> None:
    """Write the file atomically, since another process may be reading it. It has the user's file mode, for the
    manifest's author."""
    write_whole(path, data, mode=users_file_mode())
