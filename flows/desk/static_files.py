"""The scripts and styles of the pages, from the package, under addresses that change with their contents."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Self

FOLDERS = {
    "desk": ("flows.desk", "static"),
    "audition": ("flows.desk.audition", "static"),
    "listening": ("catalog.release.listening_page", ""),
}
"""The folders of packages whose files are served, by the name in their address."""

MEDIA_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class StaticFiles:
    """The files by ``FOLDER/NAME``, all in memory: an address can name only what is here. ``version`` is the digest
    of all of them, which is part of every address, so that scripts may import each other by relative names."""

    files: Mapping[str, bytes]
    version: str

    @classmethod
    def of_packages(cls) -> Self:
        """The files of the installed package."""
        files = {}
        for name, (package, folder) in FOLDERS.items():
            place = resources.files(package).joinpath(folder) if folder else resources.files(package)
            if not place.is_dir():
                continue
            for file in sorted(place.iterdir(), key=lambda each: each.name):
                if any(file.name.endswith(suffix) for suffix in MEDIA_TYPES):
                    files[f"{name}/{file.name}"] = file.read_bytes()
        whole = hashlib.sha256()
        for name, data in files.items():
            whole.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
        return cls(files, whole.hexdigest()[:16])

    def address(self, name: str) -> str:
        """The address of ``FOLDER/NAME``. Raises KeyError where there is no such file."""
        if name not in self.files:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"


def media_type(name: str) -> str:
    """The media type of a file of the pages."""
    return MEDIA_TYPES[name[name.rindex(".") :]]
