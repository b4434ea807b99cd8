"""``link``: prints temporary download links to files of a release, usable without credentials."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from catalog.catalog import open_catalog
from catalog.common.errors import InputError
from catalog.common.settings import load_settings
from flows.cli.console.lookup import album_id, require_release
from flows.console import print_json, stdout


def link(album_name: str, pattern: str, *, hours: float, as_json: bool) -> None:
    """Print links to the files of the newest release whose path matches ``pattern``."""
    settings = load_settings()
    with open_catalog(settings) as catalog:
        id_of_album = album_id(album_name, settings)
        release = require_release(catalog.database, id_of_album)
        digests = {path: digest for path, digest in sorted(release.files.items()) if fnmatchcase(path, pattern)}
        if not digests:
            folders = ", ".join(sorted({path.split("/")[0] for path in release.files}))
            raise InputError(f"no file of the release fits {pattern!r}", remedy=f"There are {folders}")
        links = {
            path: catalog.store.presign(digest, round(hours * 3600), file_name=PurePosixPath(path).name)
            for path, digest in digests.items()
        }
    if as_json:
        print_json({"album": id_of_album, "build": release.build, "hours": hours, "links": links})
        return
    for path, address in links.items():
        stdout().print(path, style="bold", soft_wrap=True)
        stdout().print(address, soft_wrap=True)
