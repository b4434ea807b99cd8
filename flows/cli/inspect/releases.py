"""``releases`` and ``diff``: the builds of an album, and what differs between two of them."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError
from rich.text import Text

from catalog.catalog import Catalog, open_catalog
from catalog.common.errors import InputError
from catalog.common.figures import size
from catalog.common.settings import Settings, load_settings
from catalog.common.understood import understood
from catalog.plan.queries import require_album
from catalog.release.builds import builds_of, release_of_build
from catalog.release.differences import Difference, differences
from catalog.release.document import ReleaseDocument
from flows.cli.console.lookup import album_id, require_release
from flows.console import SafeTable, print_json, stdout

_BUILD = re.compile(r"(.+)@([0-9]{1,9})")
DOCUMENT = "release.json"


def releases(album_name: str, *, as_json: bool) -> None:
    """List an album's builds, newest first."""
    settings = load_settings()
    id_of_album = album_id(album_name, settings)
    with open_catalog(settings) as catalog, understood():
        require_album(catalog.database, id_of_album)
        builds = builds_of(catalog.database, id_of_album)
    if as_json:
        print_json({"album": id_of_album, "builds": [asdict(build) for build in builds]})
        return
    if not builds:
        stdout().print("There is no release yet: `songline render` with the album's manifest makes one.")
        return
    table = SafeTable("build", "packed", "files", "size", "")
    for build in builds:
        notes = ["current"] * build.is_current + ["files removed from the store"] * (not build.is_kept)
        packed = datetime.fromtimestamp(build.packed_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        table.add_row(str(build.build), packed, str(build.files), size(build.size_bytes), ", ".join(notes))
    stdout().print(table)


def diff(older_name: str, newer_name: str | None, *, as_json: bool) -> None:
    """Print what differs between two releases, each a folder or ``ALBUM@BUILD``; an album alone is its current build,
    compared with the one before."""
    settings = load_settings()
    with open_catalog(settings) as catalog, understood():
        if newer_name is None:
            older, newer = _last_two(catalog, album_id(older_name, settings))
        else:
            older, newer = (_document(catalog, settings, name) for name in (older_name, newer_name))
    found = differences(older, newer)
    if as_json:
        builds = {"older": _named(older), "newer": _named(newer)}
        print_json({**builds, "differences": [difference.document() for difference in found]})
        return
    _print(older, newer, found)


def _last_two(catalog: Catalog, id_of_album: str) -> tuple[ReleaseDocument, ReleaseDocument]:
    """The current build and the one before it."""
    current = require_release(catalog.database, id_of_album)
    numbers = [build.build for build in builds_of(catalog.database, id_of_album) if build.build < current.build]
    if not numbers:
        raise InputError(
            f"{id_of_album} has no build before {current.build}", remedy="Name two releases: songline diff A B"
        )
    before = release_of_build(catalog.database, id_of_album, max(numbers))
    return _of_catalog(before.document), _of_catalog(current.document)


def _document(catalog: Catalog, settings: Settings, name: str) -> ReleaseDocument:
    """The release that a user names."""
    path = Path(name)
    if path.is_dir() and (path / DOCUMENT).exists():
        return ReleaseDocument.read(path / DOCUMENT)
    if match := _BUILD.fullmatch(name):
        id_of_album = album_id(match[1], settings)
        require_album(catalog.database, id_of_album)
        return _of_catalog(release_of_build(catalog.database, id_of_album, int(match[2])).document)
    return _of_catalog(require_release(catalog.database, album_id(name, settings)).document)


def _of_catalog(document: object) -> ReleaseDocument:
    try:
        return ReleaseDocument.model_validate(document)
    except ValidationError as error:
        raise InputError(
            "the catalog's document of a release cannot be read", remedy="Render the album again"
        ) from error


def _named(document: ReleaseDocument) -> dict[str, object]:
    return {"album": document.album.id, "build": document.build, "digest": document.digest}


def _print(older: ReleaseDocument, newer: ReleaseDocument, found: tuple[Difference, ...]) -> None:
    head = f"{newer.album.title}: build {newer.build} against build {older.build}"
    stdout().print(Text(head, style="bold"), soft_wrap=True)
    if not found:
        stdout().print("  The contents are the same.")
    titles = {track.song: track.title for document in (older, newer) for track in document.tracks}
    last_song: str | None = None
    for difference in found:
        if difference.song is not None and difference.song != last_song:
            stdout().print(Text(titles[difference.song], style="bold"), soft_wrap=True)
        last_song = difference.song
        sentence = f"{difference.what[:1].upper()}{difference.what[1:]}."
        stdout().print(Text(f"  {sentence} {difference.reason}".rstrip()), soft_wrap=True)
